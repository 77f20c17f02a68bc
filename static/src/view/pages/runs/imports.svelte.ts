// Runs that are imported from files on the list's page, one drop after the other.

import type { ImportedFile } from '../../../api/schema';
import { bytesText } from '../../../model/format';
import { failureOf } from '../../parts/failure';
import type { AppState } from '../../state/app.svelte';
import type { NamedFile } from './dropped-files';

/** What became of one run, or of a file that has none. */
export interface ImportLine {
  readonly key: number;
  readonly file: string;
  readonly run: ImportedFile['run'];
  /** Whether it was not there before: then it can be taken back. */
  readonly isNew: boolean;
  readonly text: string;
  /** The files of a table, whose columns people may know better; undefined for other formats. */
  readonly table: readonly NamedFile[] | undefined;
}

const outcomes: Readonly<Record<ImportedFile['outcome'], string>> = {
  imported: 'imported just now',
  completed: 'existed already and lacked something',
  replaced: 'replaces a shorter record',
  unchanged: 'existed already',
  failed: 'not imported',
};

const tableName = /\.(csv|tsv|ndjson|jsonl|parquet)$/i;

/** Owned by the list's page. What was chosen or dropped, the latest first. */
export class Imports {
  lines: readonly ImportLine[] = $state.raw([]);
  /** What is being read; empty at rest. */
  busy = $state('');
  readonly #app: AppState;
  #count = 0;
  #abort: AbortController | undefined;

  constructor(app: AppState) {
    this.#app = app;
  }

  /**
   * Imports files that may belong together; mapping says what the columns of a table mean, empty to guess it. Returns
   * whether any run was found.
   */
  async take(files: readonly NamedFile[], mapping = ''): Promise<boolean> {
    const first = files[0];
    if (first === undefined || this.busy !== '') return false;
    const size = bytesText(files.reduce((sum, { file }) => sum + file.size, 0));
    this.busy = `${files.length === 1 ? first.name : `${String(files.length)} files`}, ${size}`;
    this.#abort = new AbortController();
    const found = await this.#import(files, mapping, this.#abort.signal);
    const keys = new Set(found.map(({ file }) => file));
    // A table that was imported before by other columns is replaced by what it is now.
    this.lines = [...found, ...this.lines.filter(({ file, table }) => table === undefined || !keys.has(file))];
    for (const line of found) this.#app.say(`${line.file}: ${line.text}`);
    this.busy = '';
    return found.some(({ run }) => run !== undefined);
  }

  /** Says that a drop had no files, as that of an empty folder has none. */
  hadNone(): void {
    const file = 'What was dropped';
    const text = 'has no files';
    this.lines = [{ key: this.#count++, file, run: undefined, isNew: false, text, table: undefined }, ...this.lines];
    this.#app.say(`${file} ${text}`);
  }

  /** Stops reading; what was imported until then stays. */
  cancel(): void {
    this.#abort?.abort();
  }

  /** Deletes a run that was imported just now. */
  async undo(line: ImportLine): Promise<void> {
    if (line.run === undefined) return;
    await this.#app.track(this.#app.api.remove(line.run.run));
    this.lines = this.lines.filter(({ key }) => key !== line.key);
    this.#app.say(`${line.file}: taken back`);
  }

  /** Imports a table again by what its columns mean, in place of the run that was guessed. */
  async again(line: ImportLine, mapping: string): Promise<void> {
    if (line.table === undefined) return;
    if (line.run !== undefined && line.isNew) await this.undo(line);
    await this.take(line.table, mapping);
  }

  async #import(files: readonly NamedFile[], mapping: string, signal: AbortSignal): Promise<ImportLine[]> {
    const line = (file: string): ImportLine => {
      const own = files.filter(({ name }) => name === file && tableName.test(name));
      const table = own.length > 0 ? own : undefined;
      return { key: this.#count++, file, run: undefined, isNew: false, text: '', table };
    };
    try {
      const done = await this.#app.track(this.#app.api.import(files, mapping === '' ? {} : { mapping }, signal));
      return done.files.map(({ path, run, outcome, error, format }) => ({
        ...line(path),
        ...(format === 'table' || run === undefined ? {} : { table: undefined }),
        run,
        isNew: outcome === 'imported',
        text: error ?? outcomes[outcome],
      }));
    } catch (error) {
      const text = signal.aborted ? 'cancelled' : failureOf(error).text;
      const only = files.length === 1 ? files[0]?.name : undefined;
      return [{ ...line(only ?? this.busy), text }];
    }
  }
}
