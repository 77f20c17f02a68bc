// Runs that are imported from files on the list's page, one after the other.

import type { RunSummary } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { failureOf } from '../../parts/failure';

/** What became of one file. */
export interface ImportLine {
  readonly key: number;
  readonly file: string;
  /** Undefined where it was not imported. */
  readonly run: RunSummary | undefined;
  readonly text: string;
}

/** Owned by the list's page. Files that were chosen or dropped, the latest first. */
export class Imports {
  lines: readonly ImportLine[] = $state.raw([]);
  /** The file that is being read; empty at rest. */
  busy = $state('');
  readonly #app: AppState;
  #count = 0;

  constructor(app: AppState) {
    this.#app = app;
  }

  /** Imports files; returns whether any was new. */
  async take(files: Iterable<File>): Promise<boolean> {
    let added = false;
    for (const file of files) {
      this.busy = file.name;
      const line = await this.#one(file);
      added ||= line.run !== undefined;
      this.lines = [line, ...this.lines];
      this.#app.say(`${line.file}: ${line.text}`);
    }
    this.busy = '';
    return added;
  }

  async #one(file: File): Promise<ImportLine> {
    const line = { key: this.#count++, file: file.name };
    try {
      const { run, isNew } = await this.#app.track(this.#app.api.upload(file));
      return { ...line, run, text: isNew ? 'imported just now' : 'existed already' };
    } catch (error) {
      return { ...line, run: undefined, text: failureOf(error).text };
    }
  }
}
