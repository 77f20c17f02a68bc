// What a drop of files would bring, and what was kept of it: plain values, one for each run and each file without one.

import type { Import, ImportedFile } from '../../../api/schema';
import { type Clock, dateText } from '../../../model/clock-format';
import { counted, durationText } from '../../../model/format';
import type { NamedFile } from './dropped-files';

/** One run, or a file that has none. */
export interface ImportLine {
  readonly key: string;
  readonly file: string;
  readonly run: ImportedFile['run'];
  readonly outcome: ImportedFile['outcome'];
  /** Whether the outcome has come about; before that, it is what keeping the run would do. */
  readonly kept: boolean;
  readonly text: string;
  /** The files of a table, whose columns people may know better; undefined for other formats. */
  readonly table: readonly NamedFile[] | undefined;
}

/** What was dropped or chosen at one time. */
export interface ImportDrop {
  readonly key: number;
  readonly files: readonly NamedFile[];
  /** What the columns of tables mean, empty to guess it. */
  readonly mapping: string;
  /** Under which ID the service holds the files, empty where it does not. */
  readonly held: string;
  readonly lines: readonly ImportLine[];
}

const previewTexts: Readonly<Record<ImportedFile['outcome'], string>> = {
  imported: 'not kept yet',
  completed: 'would complete what is kept of it',
  replaced: 'would replace a shorter record of it',
  unchanged: 'is kept already',
  failed: 'cannot be imported',
};

const keptTexts: Readonly<Record<ImportedFile['outcome'], string>> = {
  imported: 'kept',
  completed: 'kept already, and now completed',
  replaced: 'kept in place of a shorter record',
  unchanged: 'is kept already',
  failed: 'not kept',
};

const tableName = /\.(csv|tsv|ndjson|jsonl|parquet)$/i;

/** The drop as a dry run describes it. */
export function previewOf(key: number, files: readonly NamedFile[], mapping: string, found: Import): ImportDrop {
  const lines = found.files.map(({ path, run, outcome, error, format }, i) => ({
    key: `${String(key)}/${String(i)}`,
    file: path,
    run,
    outcome,
    kept: false,
    text: error ?? previewTexts[outcome],
    table: format === 'table' || run === undefined ? tableOf(files, path) : undefined,
  }));
  return { key, files, mapping, held: found.held?.id ?? '', lines };
}

/** A drop of which nothing could be learnt, and why. */
export function failedDrop(key: number, files: readonly NamedFile[], name: string, text: string): ImportDrop {
  const line = { key: `${String(key)}/0`, file: name, run: undefined, outcome: 'failed' as const, kept: false, text };
  return { key, files, mapping: '', held: '', lines: [{ ...line, table: tableOf(files, name) }] };
}

function tableOf(files: readonly NamedFile[], path: string): readonly NamedFile[] | undefined {
  const own = files.filter(({ name }) => name === path && tableName.test(name));
  return own.length > 0 ? own : undefined;
}

/** Whether keeping a run would change anything. */
export function isPending(line: ImportLine): boolean {
  return !line.kept && line.run !== undefined && line.outcome !== 'unchanged';
}

/** The drop after runs were imported; those that could not be say why, and stay as they are. */
export function keptOf(drop: ImportDrop, done: Import): ImportDrop {
  const results = new Map(done.files.map((file) => [file.run?.run ?? file.path, file]));
  const lines = drop.lines.map((line) => {
    const result = isPending(line) ? (results.get(line.run!.run) ?? results.get(line.file)) : undefined;
    if (result === undefined) return line;
    if (result.run === undefined) return { ...line, text: result.error ?? keptTexts.failed };
    return { ...line, run: result.run, outcome: result.outcome, kept: true, text: keptTexts[result.outcome] };
  });
  return { ...drop, lines };
}

/** '24 tasks, 1.20 s, 14 Oct 09:30': how large a run is, how long it took and when it began. */
export function factsText(run: NonNullable<ImportLine['run']>, clock: Clock): string {
  const facts = [counted(run.tasks.total, 'task')];
  if (run.makespan_ns > 0) facts.push(durationText(run.makespan_ns));
  facts.push(run.imported?.dated === false ? 'without a date' : dateText(run.started_at, clock));
  return facts.join(', ');
}
