// How a run was asked for and who worked on it, as pairs of names and texts.

import type { RunSummary, RunWorker } from '../../api/schema';
import { workerName } from '../../model/events';

export interface RunFact {
  readonly name: string;
  readonly value: string;
  readonly mono?: boolean;
}

/** How figures are written; passed in, so that this file has no opinion. */
export interface Writing {
  duration(ns: number): string;
  bytes(n: number): string;
  count(n: number): string;
}

/** More of a result nobody reads here; it can be exported. */
const RESULT_CHARACTERS = 160;

function beginning(text: string): string {
  return text.length <= RESULT_CHARACTERS ? text : `${text.slice(0, RESULT_CHARACTERS - 1)}…`;
}

/** The facts of a run that the header does not show. */
export function runFacts(run: RunSummary, write: Writing): RunFact[] {
  const facts: RunFact[] = [
    { name: 'ID', value: run.run, mono: true },
    { name: 'on failure', value: run.policy === 'continue' ? 'continue with the rest' : 'stop at the first' },
    { name: 'upload', value: run.upload, mono: true },
    { name: 'records', value: run.records.text },
  ];
  if (run.deadline_ns > 0) facts.push({ name: 'deadline', value: write.duration(run.deadline_ns) });
  if (run.revision > 1) facts.push({ name: 'revision', value: write.count(run.revision) });
  if (run.reconstructed !== undefined) facts.push({ name: 'schedule', value: `reconstructed: ${run.reconstructed}` });
  facts.push({
    name: 'output',
    value: `${write.bytes(run.output_bytes)}, ${write.bytes(run.stored_bytes)} of it stored`,
  });
  if (run.result_text !== '') facts.push({ name: 'result', value: beginning(run.result_text), mono: true });
  facts.push({ name: 'log', value: `${write.count(run.last_seq)} steps` });
  return facts;
}

export interface WorkerLine {
  readonly name: string;
  readonly host: string;
  readonly slots: string;
  readonly cpu: string;
  readonly memory: string;
  readonly title: string;
}

/** Workers of a run as lines of a table; what is not known yet is a dash. */
export function workerLines(workers: readonly RunWorker[], write: Writing): WorkerLine[] {
  return workers.map((worker) => ({
    name: workerName(worker.worker),
    host: worker.host === '' ? worker.name : worker.host,
    slots: worker.slots > 0 ? write.count(worker.slots) : '–',
    cpu: worker.cpu_ns > 0 ? write.duration(worker.cpu_ns) : '–',
    memory: worker.memory_bytes > 0 ? write.bytes(worker.memory_bytes) : '–',
    title: `${worker.name}, process ${String(worker.pid)}, ${write.count(worker.width)} processors, ${worker.warm ? 'warm' : 'cold'}`,
  }));
}
