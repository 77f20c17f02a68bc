// How a run was asked for and who worked on it, as pairs of names and texts.

import type { Imported, RunSummary, RunWorker, Used } from '../../api/schema';
import { workerName } from '../../model/events';
import { counted } from '../../model/format';
import { recordedText } from './run-words';
import { processNames } from './worker-labels';

export interface RunFact {
  readonly name: string;
  readonly value: string;
  readonly mono?: boolean;
}

/** How figures are written; passed in, so that this file does not decide it. */
export interface Writing {
  duration(ns: number): string;
  bytes(n: number): string;
  count(n: number): string;
}

/** A longer result is not read here; it can be exported. */
const RESULT_CHARACTERS = 160;

function beginning(text: string): string {
  return text.length <= RESULT_CHARACTERS ? text : `${text.slice(0, RESULT_CHARACTERS - 1)}…`;
}

/** The facts of a run that the header does not show. */
export function runFacts(run: RunSummary, write: Writing): RunFact[] {
  const facts: RunFact[] = [{ name: 'ID', value: run.run, mono: true }];
  // Of an imported run these are not what another engine did, but what the importer wrote.
  if (run.imported === null) {
    facts.push({
      name: 'on failure',
      value: run.policy === 'continue' ? 'continue with the rest' : 'stop at the first',
    });
    facts.push({ name: 'upload', value: run.upload, mono: true });
  }
  facts.push({ name: 'records', value: run.records.text });
  if (run.deadline_ns > 0) facts.push({ name: 'deadline', value: write.duration(run.deadline_ns) });
  if (run.revision > 0) {
    const times = run.revision === 1 ? 'once' : `${write.count(run.revision)} times`;
    facts.push({ name: 'revision', value: `${write.count(run.revision)}: continued ${times} after it had ended` });
  }
  if (run.lost > 0) facts.push({ name: 'lost', value: `${counted(run.lost, 'attempt')} with a worker` });
  if (run.rules !== undefined) facts.push({ name: 'placement', value: rulesText(run.rules, write) });
  if (run.imported !== null) facts.push(...recordedFacts(run, run.imported));
  facts.push({ name: 'output', value: outputText(run, write) });
  if (run.used !== null) facts.push(...usedFacts(run.used, write));
  if (run.result_text !== '') facts.push({ name: 'result', value: beginning(run.result_text), mono: true });
  facts.push({ name: 'log', value: `${write.count(run.last_seq)} steps` });
  return facts;
}

/** What attempts used, of how many that is known, and what it cost. */
function usedFacts(used: Used, write: Writing): RunFact[] {
  const of = (n: number): string =>
    n === used.attempts ? '' : ` in ${write.count(n)} of ${counted(used.attempts, 'attempt')}`;
  const facts: RunFact[] = [];
  if (used.cpu_attempts > 0) facts.push({ name: 'CPU', value: write.duration(used.cpu_ns) + of(used.cpu_attempts) });
  if (used.memory_attempts > 0)
    facts.push({ name: 'memory', value: `${write.bytes(used.memory_byte_s)}·s${of(used.memory_attempts)}` });
  if (used.cost !== null) facts.push({ name: 'cost', value: used.cost.toPrecision(3) });
  return facts;
}

/** What the recording of an imported run says of it, and what was made up. */
function recordedFacts(run: RunSummary, imported: Imported): RunFact[] {
  const facts = [{ name: 'engine', value: imported.system === '' ? 'not recorded' : imported.system }];
  facts.push({ name: 'recording', value: `${imported.format}, ${imported.dated ? 'dated' : 'without a date'}` });
  facts.push({ name: 'makespan', value: recordedText(imported) });
  if (run.reconstructed !== undefined) facts.push({ name: 'schedule', value: `reconstructed: ${run.reconstructed}` });
  else if (imported.lanes !== '') facts.push({ name: 'lanes', value: `reconstructed: ${imported.lanes}` });
  return facts;
}

/** Sizes are those of the values where these say it without being encoded; what is stored is encoded. */
function outputText(run: RunSummary, write: Writing): string {
  if (run.tasks.done === 0) return run.live ? 'none yet' : 'none';
  const stored = `${write.bytes(run.stored_bytes)} stored`;
  return run.output_bytes > 0 ? `${write.bytes(run.output_bytes)}, ${stored}` : `of unknown size, ${stored}`;
}

type Rules = NonNullable<RunSummary['rules']>;

/** Words for rules that were switched off. */
const offWords: readonly (readonly [keyof Rules, string])[] = [
  ['no_become', 'not continuing'],
  ['no_clustering', 'no clustering'],
  ['no_delay', 'no holding'],
  ['store_all', 'all stored'],
  ['no_inline', 'nothing inline'],
  ['no_preload', 'no preloading'],
];

/** By what rules tasks were placed: what was switched off, and from which sizes on what held. */
function rulesText(rules: Rules, write: Writing): string {
  const off = offWords.filter(([name]) => rules[name] === true).map(([, word]) => word);
  const figures: string[] = [];
  if (rules.cluster_bytes) figures.push(`large from ${write.bytes(rules.cluster_bytes)}`);
  if (rules.hold_for_ns) figures.push(`held ${write.duration(rules.hold_for_ns)}`);
  if (rules.inline_bytes) figures.push(`inline up to ${write.bytes(rules.inline_bytes)}`);
  return [off.length === 0 ? 'all rules' : off.join(', '), ...figures].join('; ');
}

export interface WorkerLine {
  readonly name: string;
  /** The process that it was. */
  readonly process: string;
  readonly slots: string;
  /** warm, or cold with what that took; lost where it ended without a word. */
  readonly start: string;
  readonly lost: boolean;
  readonly cpu: string;
  readonly memory: string;
  readonly title: string;
}

/** Of more workers than this the table has so many. */
const MOST_WORKERS = 50;

/**
 * Workers of a run as lines of a table; what only their end shows is a dash until then. Of more than fit the lost ones
 * come first.
 */
export function workerLines(
  workers: readonly RunWorker[],
  lost: ReadonlySet<number>,
  write: Writing,
  most = MOST_WORKERS,
): WorkerLine[] {
  const processOf = processNames(workers);
  const isLost = ({ worker }: RunWorker): boolean => lost.has(worker);
  const shown =
    workers.length <= most ? workers : [...workers.filter(isLost), ...workers.filter((one) => !isLost(one))];
  return shown.slice(0, most).map((worker) => ({
    name: workerName(worker.worker),
    process: processOf(worker),
    start: isLost(worker) ? 'lost' : startText(worker, write),
    lost: isLost(worker),
    slots: worker.slots > 0 ? write.count(worker.slots) : '–',
    cpu: worker.slots > 0 && worker.cpu_ns > 0 ? write.duration(worker.cpu_ns) : '–',
    memory: worker.slots > 0 && worker.memory_bytes > 0 ? write.bytes(worker.memory_bytes) : '–',
    title: `${worker.name} on ${worker.host === '' ? 'a host not known' : worker.host}, process ${String(worker.pid)}, ${write.count(worker.width)} processors, ${startText(worker, write)}${isLost(worker) ? ', lost' : ''}`,
  }));
}

/** A worker that had executed a run before is warm; another has paid for its start. */
function startText(worker: RunWorker, write: Writing): string {
  if (worker.warm) return 'warm';
  return worker.startup_ns > 0 ? `cold, ${write.duration(worker.startup_ns)}` : 'cold';
}
