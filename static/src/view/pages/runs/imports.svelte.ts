// Runs that are imported from files on the list's page: each drop is shown before anything of it is kept.

import { Problem } from '../../../api/problem';
import type { Import } from '../../../api/schema';
import { bytesText, counted } from '../../../model/format';
import { failureOf } from '../../parts/failure';
import type { AppState } from '../../state/app.svelte';
import type { NamedFile } from './dropped-files';
import { failedDrop, type ImportDrop, type ImportLine, isPending, keptOf, previewOf } from './import-drop';

const ofApps = new WeakMap<AppState, Imports>();

/** The imports of an app, for its page: what was neither kept nor discarded is there again when the page is. */
export function importsOf(app: AppState): Imports {
  const imports = ofApps.get(app) ?? new Imports(app);
  ofApps.set(app, imports);
  imports.forgetSettled();
  return imports;
}

/** One for each app. What was chosen or dropped, the latest first. */
export class Imports {
  drops: readonly ImportDrop[] = $state.raw([]);
  /** What is under way; empty at rest. */
  busy = $state('');
  readonly #app: AppState;
  #count = 0;
  #abort: AbortController | undefined;

  constructor(app: AppState) {
    this.#app = app;
  }

  /** Reads files that may belong together, and keeps nothing; mapping says what the columns of a table mean. */
  async take(files: readonly NamedFile[], mapping = ''): Promise<void> {
    const first = files[0];
    if (first === undefined || this.busy !== '') return;
    const size = bytesText(files.reduce((sum, { file }) => sum + file.size, 0));
    const name = files.length === 1 ? first.name : counted(files.length, 'file');
    const key = this.#count++;
    await this.#during(`Reading ${name}, ${size}`, async (signal) => {
      try {
        const found = await this.#app.api.import(files, { dry_run: true, ...mappingQuery(mapping) }, signal);
        const drop = previewOf(key, files, mapping, found);
        this.#add(drop);
        if (!drop.lines.some(isPending)) this.#release(drop);
      } catch (error) {
        this.#add(failedDrop(key, files, name, signal.aborted ? 'cancelled' : failureOf(error).text));
      }
    });
  }

  /** Whether something was read that is neither kept nor discarded. */
  get isPending(): boolean {
    return this.drops.some(({ lines }) => lines.some(isPending));
  }

  /** Forgets drops of which nothing is to be decided. */
  forgetSettled(): void {
    this.drops = this.drops.filter(({ lines }) => lines.some(isPending));
  }

  /** Says that a drop had no files, as that of an empty folder has none. */
  hadNone(): void {
    this.#add(failedDrop(this.#count++, [], 'What was dropped', 'has no files'));
  }

  /** Stops what is under way; what was kept until then stays. */
  cancel(): void {
    this.#abort?.abort();
  }

  /** Keeps one run of a drop, or all. */
  async keep(drop: ImportDrop, only?: ImportLine): Promise<void> {
    if (this.busy !== '') return;
    const run = only?.run === undefined ? {} : { run: [only.run.run] };
    const query = { ...run, ...mappingQuery(drop.mapping) };
    await this.#during('Keeping what was read', async (signal) => {
      const kept = keptOf(drop, await this.#importAgain(drop, query, signal));
      this.#change(drop, () => kept.lines);
      for (const line of kept.lines) if (!drop.lines.includes(line)) this.#app.say(`${line.file}: ${line.text}`);
      if (!kept.lines.some(isPending)) this.#release(kept);
    });
  }

  /** Forgets what a drop has that is not kept. */
  discard(drop: ImportDrop): void {
    this.#change(drop, (lines) => lines.filter(({ kept }) => kept));
    this.#release(drop);
    this.#app.say('Discarded');
  }

  /** Deletes a run that was kept just now. */
  async undo(drop: ImportDrop, line: ImportLine): Promise<void> {
    if (line.run === undefined) return;
    await this.#app.track(this.#app.api.remove(line.run.run));
    this.#change(drop, (lines) => lines.filter(({ key }) => key !== line.key));
    this.#app.say(`${line.file}: taken back`);
  }

  /** Reads a table again by what its columns mean, in place of what was guessed. */
  async again(drop: ImportDrop, line: ImportLine, mapping: string): Promise<void> {
    if (line.table === undefined) return;
    if (line.kept && line.outcome === 'imported') await this.undo(drop, line);
    else this.#change(drop, (lines) => lines.filter(({ key }) => key !== line.key));
    await this.take(line.table, mapping);
  }

  /** The files are sent again only where the service does not hold them any more. */
  async #importAgain(drop: ImportDrop, query: object, signal: AbortSignal): Promise<Import> {
    if (drop.held === '') return this.#app.api.import(drop.files, query, signal);
    try {
      return await this.#app.api.import(drop.held, query, signal);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      return this.#app.api.import(drop.files, query, signal);
    }
  }

  async #during(what: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.busy = what;
    this.#abort = new AbortController();
    try {
      await this.#app.track(work(this.#abort.signal));
    } finally {
      this.busy = '';
    }
  }

  #add(drop: ImportDrop): void {
    this.drops = [drop, ...this.drops];
    for (const line of drop.lines) this.#app.say(`${line.file}: ${line.text}`);
  }

  /** A drop without lines goes. */
  #change(drop: ImportDrop, change: (lines: readonly ImportLine[]) => readonly ImportLine[]): void {
    const changed = this.drops.map((one) => (one.key === drop.key ? { ...one, lines: change(one.lines) } : one));
    this.drops = changed.filter(({ lines }) => lines.length > 0);
  }

  /** The service releases the files by itself later, so a failure is none. */
  #release(drop: ImportDrop): void {
    if (drop.held !== '') void this.#app.track(this.#app.api.discardImport(drop.held)).catch(() => undefined);
  }
}

function mappingQuery(mapping: string): { mapping?: string } {
  return mapping === '' ? {} : { mapping };
}
