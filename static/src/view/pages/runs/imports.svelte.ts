// Runs that are imported from files on the list's page, one drop after the other.

import type { ImportedFile } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { failureOf } from '../../parts/failure';

/** What became of one run, or of a file that has none. */
export interface ImportLine {
  readonly key: number;
  readonly file: string;
  readonly run: ImportedFile['run'];
  readonly text: string;
}

const outcomes: Readonly<Record<ImportedFile['outcome'], string>> = {
  imported: 'imported just now',
  completed: 'existed already and lacked something',
  replaced: 'replaces a shorter record',
  unchanged: 'existed already',
  failed: 'not imported',
};

/** Owned by the list's page. What was chosen or dropped, the latest first. */
export class Imports {
  lines: readonly ImportLine[] = $state.raw([]);
  /** What is being read; empty at rest. */
  busy = $state('');
  readonly #app: AppState;
  #count = 0;

  constructor(app: AppState) {
    this.#app = app;
  }

  /** Imports files that may belong together; returns whether any run was found. */
  async take(files: readonly File[]): Promise<boolean> {
    const first = files[0];
    if (first === undefined) return false;
    this.busy = files.length === 1 ? first.name : `${String(files.length)} files`;
    const found = await this.#import(files);
    this.lines = [...found, ...this.lines];
    for (const line of found) this.#app.say(`${line.file}: ${line.text}`);
    this.busy = '';
    return found.some(({ run }) => run !== undefined);
  }

  async #import(files: readonly File[]): Promise<ImportLine[]> {
    try {
      const named = files.map((file) => ({ name: file.webkitRelativePath || file.name, file }));
      const done = await this.#app.track(this.#app.api.import(named));
      return done.files.map(({ path, run, outcome, error }) => ({
        key: this.#count++,
        file: path,
        run,
        text: error ?? outcomes[outcome],
      }));
    } catch (error) {
      return [{ key: this.#count++, file: this.busy, run: undefined, text: failureOf(error).text }];
    }
  }
}
