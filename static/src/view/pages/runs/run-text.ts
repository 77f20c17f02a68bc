// The words of a row of the list.

import type { RunList, RunSummary, Standing } from '../../../api/schema';
import { failureText } from '../../../model/failure-text';
import {
  bytes,
  bytesText,
  count,
  counted,
  durationText,
  percent,
  type Quantity,
  rankText,
} from '../../../model/format';
import { shortAge } from '../../state/instant';
import type { RunsQuery } from './runs-url';

/** '2nd slowest of 41': the place among the last runs of the workflow that succeeded, this one included. */
export function standingText(standing: Standing): string {
  return rankText(standing.slower, standing.runs + 1);
}

/** Why a run has no place among its workflow's runs. */
export function unrankedText(run: RunSummary): string {
  if (run.live) return 'ranked when it ends';
  if (run.status !== 'succeeded') return 'not ranked';
  return run.revision > 0 ? 'continued, not ranked' : 'too few like it';
}

/**
 * The second line of a status: how far it is, what went wrong, what is missing, how long ago it was imported. Empty where
 * the word says it all.
 */
export function statusNote(run: RunSummary, expectedNs: number | undefined, nowMs: number): string {
  if (run.missing_functions.length > 0) return `no worker for ${run.missing_functions[0]!.function}`;
  if (run.live) return progressText(run, expectedNs);
  if (run.error !== null) return errorText(run.error);
  if (run.records.end_unknown) return 'how it ended is not known';
  if (run.imported !== null && run.imported.incomplete !== '') return 'the recording is incomplete';
  if (run.status === 'interrupted' && run.imported !== null) return 'how it ended is not recorded';
  if (run.status === 'interrupted') return 'its process ended; run it again';
  if (!run.records.complete) return run.records.text;
  if (run.imported !== null) return `imported ${shortAge(run.added_at, nowMs)} ago`;
  return troubleText(run);
}

/** What it took to get there. */
function troubleText(run: RunSummary): string {
  const words: string[] = [];
  if (run.revision > 0) words.push(`revision ${String(run.revision)}`);
  if (run.retries > 0) words.push(counted(run.retries, 'retry', 'retries'));
  if (run.lost > 0) words.push(`${count(run.lost)} lost`);
  return words.join(', ');
}

function progressText(run: RunSummary, expectedNs: number | undefined): string {
  const done = run.tasks.done + run.tasks.skipped + run.tasks.failed;
  const share = run.tasks.total > 0 ? percent(done / run.tasks.total) : 'no task known yet';
  const leftNs = expectedNs === undefined ? 0 : expectedNs - run.makespan_ns;
  return leftNs > 0 ? `${share}, about ${durationText(roundedUp(leftNs))} left` : share;
}

/** Whole seconds: more places would pretend a precision that the estimate does not have. */
function roundedUp(ns: number): number {
  return Math.ceil(ns / 1e9) * 1e9;
}

function errorText(error: NonNullable<RunSummary['error']>): string {
  if (error.task === '') return failureText(error);
  const task = error.name ?? error.task;
  return error.attempt > 1 ? `${task} failed, attempt ${error.attempt}` : `${task} failed`;
}

/** What the tasks of a run put out, as far as it is known: by the sizes of values, or by what was stored of them. */
export function outputOf(run: RunSummary): Quantity | null {
  const known = Math.max(run.output_bytes, run.stored_bytes);
  return known > 0 || run.tasks.done === 0 ? bytes(known) : null;
}

/** What the column of output bytes means for this run. */
export function outputTitle(run: RunSummary): string {
  const stored = `${bytesText(run.stored_bytes)} went into the store`;
  if (run.output_bytes === 0 && run.tasks.done > 0) return `The sizes of its outputs are not known; ${stored}`;
  return `Tasks put out ${bytesText(run.output_bytes)}; ${stored}, as it is encoded`;
}

/** Below the list: how many of how many, in which order. */
export function footText(answer: RunList, query: RunsQuery): string {
  const statuses: readonly string[] = query.status;
  const matching = Object.entries(answer.counts)
    .filter(([status]) => (statuses.length === 0 ? status === 'all' : statuses.includes(status)))
    .reduce((sum, [, runs]) => sum + runs, 0);
  const order =
    query.sort === 'started' ? (query.order === 'desc' ? 'Newest first' : 'Oldest first') : `By ${query.sort}`;
  return `${count(answer.runs.length)} of ${count(matching)} ${matching === 1 ? 'run' : 'runs'}. ${order}; filters apply before the cut.`;
}
