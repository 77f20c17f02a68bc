// How a run stands, in words.

import type { Imported, RunSummary } from '../../api/schema';
import type { LinkState } from '../../live/link-state';
import { count, counted, durationText } from '../../model/format';
import type { TaskState } from '../../model/task-state';

/** The icon and hue of a run's status: those of tasks, and three of its own. */
export function statusState(status: RunSummary['status']): TaskState | 'interrupted' | 'queued' | 'paused' {
  return status;
}

/** The status with what goes with it: succeeded, revision 1, 1 retry. */
export function statusWord(run: RunSummary): string {
  const also: string[] = [];
  if (run.revision > 0) also.push(`revision ${String(run.revision)}`);
  if (run.retries > 0) also.push(counted(run.retries, 'retry', 'retries'));
  if (run.lost > 0) also.push(`${count(run.lost)} lost`);
  if (run.status === 'succeeded' && run.tasks.failed > 0) also.push(`${counted(run.tasks.failed, 'task')} failed`);
  return [run.records.end_unknown ? 'damaged' : run.status, ...also].join(', ');
}

/** The engine of an imported run; empty of runs of this one, and where the recording does not say. */
export function engineOf(run: RunSummary): string {
  return run.imported?.system ?? '';
}

/** How much of the recorded makespan the tasks of an imported run explain. */
export function recordedText({ recorded_ns: recordedNs, explained_ns: explainedNs }: Imported): string {
  if (recordedNs === 0) return `tasks take ${durationText(explainedNs)}; no makespan is recorded`;
  const missingNs = recordedNs - explainedNs;
  const part = `${durationText(explainedNs)} of ${durationText(recordedNs)} are tasks`;
  if (missingNs > 0) return `${part}; ${durationText(missingNs)} are not recorded`;
  if (missingNs === 0) return part;
  return `tasks take ${durationText(explainedNs)}, longer than what was recorded`;
}

export interface FreshnessInput {
  readonly live: boolean;
  readonly link: LinkState | undefined;
  /** The link's clock. */
  readonly nowMs: number;
  /** Time since the last event of a live run. */
  readonly sinceEventNs: number;
  readonly records: RunSummary['records'];
  /** Of a run of the engine null, else what was made up of its schedule. */
  readonly imported: RunSummary['imported'];
  readonly reconstructed?: string | undefined;
}

export interface Freshness {
  readonly text: string;
  readonly title: string;
  /** Nothing is received: clocks stop. */
  readonly cut: boolean;
}

/** Whether what is shown is complete, and of a live run how old it is. */
export function freshness(input: FreshnessInput): Freshness {
  const { live, link, nowMs, sinceEventNs, records, imported, reconstructed } = input;
  if (!live && imported !== null) {
    const what = reconstructed !== undefined ? 'schedule' : imported.lanes !== '' ? 'lanes' : '';
    const made = what === '' ? 'imported' : `imported, ${what} reconstructed`;
    return { text: made, title: reconstructed ?? (imported.lanes || imported.format), cut: false };
  }
  if (!live)
    return { text: records.text, title: records.complete ? 'Every attempt has its record' : records.text, cut: false };
  if (link?.kind === 'waiting') {
    const lastMs = Number.isNaN(link.lastMs) ? link.sinceMs : link.lastMs;
    const since = Math.max(0, Math.round((nowMs - lastMs) / 1000));
    return { text: `no event for ${String(since)} s, trying again`, title: link.reason, cut: true };
  }
  if (link?.kind === 'connecting' && link.attempt > 0) {
    return { text: 'nothing heard, trying again', title: 'The stream of the run is being opened again', cut: true };
  }
  if (link?.kind !== 'open') return { text: 'connecting', title: 'The stream of the run is being opened', cut: false };
  return { text: `last event ${ageWords(sinceEventNs)} ago`, title: records.text, cut: false };
}

/** Tenths below ten seconds, whole seconds above: a text that changes fast is not read. */
function ageWords(ns: number): string {
  if (!(ns > 0)) return '0 s';
  if (ns < 1e10) return `${(Math.round(ns / 1e8) / 10).toFixed(1)} s`;
  return durationText(Math.round(ns / 1e9) * 1e9);
}
