// The row of key figures over the panels of a run page.

import type { Imported, RunSummary, Standing } from '../../api/schema';
import {
  bytes,
  bytesText,
  count,
  counted,
  duration,
  durationText,
  percent,
  type Quantity,
  rankText,
  signedPercent,
} from '../../model/format';
import type { Bounds } from '../../model/bounds';
import type { RunFigures, Traffic } from '../../model/run-figures';
import type { StateCounts } from '../../model/states';
import type { ExpectedEnd } from './expected-end';
import { latelyText } from './hover-text';
import { peersText } from './peers-text';
import { recordedText } from './run-words';

export interface KeyFigure {
  readonly label: string;
  readonly value: Quantity | null;
  readonly sub: string;
  /** On hover: what it is, or why there is no value. */
  readonly title: string;
  /** Hidden where there is little room. */
  readonly second: boolean;
}

const first = { second: false } as const;

function share(part: number): Quantity | null {
  if (!Number.isFinite(part)) return null;
  return { figure: percent(part).replace(/\u00a0?%$/, ''), unit: '%' };
}

/** A mean number of slots: 2, 2.3, 129. */
function decimal(mean: number): string {
  const isWhole = Math.abs(mean - Math.round(mean)) < 0.05;
  return isWhole || mean >= 9.95 ? count(mean) : mean.toFixed(1);
}

function slotsQuantity(mean: number): Quantity {
  const figure = decimal(mean);
  return { figure, unit: figure === '1' ? 'slot' : 'slots' };
}

function busySub(figures: RunFigures): string {
  if (figures.slots === 0) return 'no slot worked';
  const paused = figures.pausedNs > 0 ? `, less ${durationText(figures.pausedNs)} in pauses` : '';
  return `${durationText(figures.busyNs)} of ${decimal(figures.slotsMean)} × ${durationText(figures.elapsedNs)}${paused}`;
}

/** Where the makespan stands among the runs like it before; nothing where there are too few of them. */
export function standingText(standing: Standing | null): string {
  return standing === null ? '' : rankText(standing.slower, standing.runs + 1);
}

/** The line under the strip of past makespans. */
export function historyText(standing: Standing): string {
  return `median ${durationText(standing.median_ns)}, ${signedPercent(standing.effect)}`;
}

export interface EndedInput {
  readonly run: RunSummary;
  readonly figures: RunFigures;
  /** Undefined where no attempt has ended. */
  readonly bounds: Bounds | undefined;
  /** Undefined where it was too much to add up. */
  readonly traffic: Traffic | undefined;
}

/** The makespan, which stands in front of the strip of its history. */
export function makespanFigure(run: RunSummary, standing: Standing | null, bounds: Bounds | undefined): KeyFigure {
  if (run.imported !== null) return recordedFigure(run, run.imported, bounds);
  const rank = standingText(standing);
  // Nothing has ended in a run that was cut off early, which is not a makespan of 0.
  const isKnown = run.makespan_ns > 0;
  const among = standing === null ? '' : `, ranked among ${peersText(standing.peers)}`;
  const title = isKnown ? `First claim to last end${among}${aroundText(bounds)}` : 'No attempt has ended';
  return { label: 'Makespan', value: isKnown ? duration(run.makespan_ns) : null, sub: rank, title, ...first };
}

/** The makespan of an imported run: the recorded one, that of its tasks, or how long a schedule takes that was made up. */
function recordedFigure(run: RunSummary, imported: Imported, bounds: Bounds | undefined): KeyFigure {
  const isRecorded = imported.recorded_ns > 0;
  const how = run.reconstructed ?? (imported.lanes || 'as recorded');
  const isMeasured = !isRecorded && run.reconstructed === undefined;
  return {
    label: isRecorded ? 'Makespan, recorded' : isMeasured ? 'Makespan' : 'Schedule',
    value: run.makespan_ns > 0 ? duration(run.makespan_ns) : null,
    sub: isMeasured
      ? `tasks ran for ${durationText(imported.explained_ns)} of it${queueText(bounds)}`
      : recordedText(imported),
    title: `${recordedText(imported)}. Where tasks are drawn: ${how}`,
    ...first,
  };
}

/** From this share of the makespan on, what was before it is worth saying. */
const WORTH_SAYING = 0.01;

/** The time before the first task, such as a queue, which a makespan from the first task on leaves out. */
function queueText(bounds: Bounds | undefined): string {
  if (bounds === undefined || bounds.fromNs < Math.max(1, WORTH_SAYING * bounds.makespanNs)) return '';
  return `; before it, ${durationText(bounds.fromNs)} until the first task was taken`;
}

/** Why the timeline, which begins with the submission and ends with the run, is longer than the makespan. */
function aroundText(bounds: Bounds | undefined): string {
  if (bounds === undefined) return '';
  const { fromNs, closingNs } = bounds;
  const before = `${durationText(fromNs)} between submission and first claim`;
  return `. The timeline also has ${before}, and ${durationText(closingNs)} from the last end to the end of the run`;
}

/** Figures of a run that has ended, after its makespan. */
export function endedFigures({ run, figures, bounds, traffic }: EndedInput): KeyFigure[] {
  const starved = bounds && bounds.makespanNs > 0 ? bounds.occupancy.starvedSlotNs / bounds.makespanNs : Number.NaN;
  const edges = run.edges > 0 ? `, ${counted(run.edges, 'edge')}` : '';
  return [
    {
      label: 'Slots busy',
      value: share(figures.busyShare),
      sub: busySub(figures),
      title:
        'Share of the time of all slots that went into tasks; a slot counts while it exists, and not while the run is paused, unless it works',
      ...first,
    },
    {
      label: 'Nothing ready',
      value: Number.isNaN(starved) ? null : slotsQuantity(starved),
      sub: `of ${decimal(figures.slotsMean)} idle, ${run.schedule_ns === null ? 'on average' : 'as reconstructed'}`,
      title: 'Slots that were idle because no task was ready, on average',
      ...first,
    },
    ...(run.tasks.cached > 0 ? [cachedFigure(run)] : []),
    run.imported === null ? movedFigure(traffic, 'Moved') : filesFigure(run.imported),
    {
      label: 'Tasks',
      value: { figure: count(run.tasks.total), unit: '' },
      sub: `${counted(run.attempts, 'attempt')}${edges}`,
      title: 'Tasks known at the end; edges of the graph as submitted',
      second: true,
    },
  ];
}

/** How much of the run was not executed. */
function cachedFigure({ tasks: { cached, total } }: RunSummary): KeyFigure {
  return {
    label: 'From cache',
    value: { figure: count(cached), unit: `of ${count(total)} ${total === 1 ? 'task' : 'tasks'}` },
    sub: `${percent(cached / total)} not executed`,
    title:
      'Tasks that were not executed, because their output was there from an earlier run; no statistics contain them',
    ...first,
  };
}

/** What tasks of a recording read and wrote, by file. */
function filesFigure({ bytes_in: inside, bytes_moved: moved, bytes_out: out }: Imported): KeyFigure {
  const title =
    'Sizes of the files that tasks read which other tasks had made, each as often as it was read; in: of files that no task makes; out: of files that no task reads';
  if (moved === null || inside === null || out === null)
    return { label: 'Moved', value: null, sub: 'not known from the recording', title, ...first };
  return {
    label: 'Moved',
    value: bytes(moved),
    sub: `${bytesText(inside)} in, ${bytesText(out)} out`,
    title,
    ...first,
  };
}

function movedFigure(traffic: Traffic | undefined, label: string): KeyFigure {
  const title =
    'Bytes that tasks read which another worker had made; what stayed local was read in the memory of the worker that had made it';
  if (traffic === undefined) return { label, value: null, sub: 'too many edges to add up here', title, ...first };
  return {
    label,
    value: bytes(traffic.movedBytes + traffic.inlineBytes),
    sub: `${bytesText(traffic.keptBytes)} stayed local`,
    title,
    ...first,
  };
}

export interface LiveInput {
  readonly figures: RunFigures;
  readonly counts: StateCounts;
  readonly tasks: number;
  readonly expected: ExpectedEnd | null;
  readonly paused: boolean;
  /** Makespans of the runs like it before. */
  readonly past: readonly number[];
}

/** With fewer runs like it before, nothing is said of where a live one stands among them. */
const LEAST_RUNS = 5;

function elapsedSub(elapsedNs: number, expected: ExpectedEnd | null, past: readonly number[]): string {
  if (expected)
    return `of about ${durationText(expected.p50Ns)} (${durationText(expected.p10Ns)} to ${durationText(expected.p90Ns)})`;
  if (past.length < LEAST_RUNS) return '';
  return `longer than ${count(past.filter((ns) => ns < elapsedNs).length)} of ${count(past.length)} like it`;
}

/** Figures of a live run, as of now. */
export function liveFigures({ figures, counts, tasks, expected, paused, past }: LiveInput): KeyFigure[] {
  const over = counts.succeeded + counts.cached + counts.failed + counts.cancelled + counts.skipped + counts.lost;
  const seen = counts.fetching + counts.storing + counts.running;
  const working = Math.min(figures.slotsThere, Math.max(seen, Math.round(figures.lately.busy)));
  return [
    {
      label: 'Elapsed',
      value: duration(figures.elapsedNs),
      sub: elapsedSub(figures.elapsedNs, expected, past),
      title: 'Since the run started',
      ...first,
    },
    {
      label: 'Tasks ended',
      value: { figure: count(over), unit: `of ${count(tasks)}` },
      sub: tasks > 0 ? percent(over / tasks) : 'none known yet',
      title: 'Of the tasks known so far; fan-outs add theirs when they expand',
      ...first,
    },
    {
      label: 'Slots busy so far',
      value: share(figures.busyShare),
      sub: busySub(figures),
      title: 'Share of the time of all slots that went into tasks, pauses of the run left out',
      ...first,
    },
    {
      label: 'Slots at work',
      value: { figure: count(working), unit: `of ${count(figures.slotsThere)}` },
      sub: latelyText(figures.lately),
      title: 'Slots that work now, or did on average in the last second: most tasks are over before they are seen',
      ...first,
    },
    {
      label: 'Ready now',
      value: { figure: count(counts.ready + counts.retrying), unit: '' },
      sub: paused ? 'the run is paused' : 'waiting for a slot',
      title: 'Tasks that could run if there were a slot',
      ...first,
    },
  ];
}
