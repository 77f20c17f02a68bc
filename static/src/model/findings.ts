// What a run's page says first: the one or two things that explain its length, in words.

import { type Bounds, boundsOf } from './bounds';
import { failureText } from './failure-text';
import { count, counted, durationText, percent, ratio } from './format';
import type { GraphIndex } from './graph-index';
import type { Lanes } from './lanes';
import { nodeRowsOf } from './node-rows';
import type { RowTime } from './occupancy';
import { phasesAt } from './phases';
import { type Reason, reasonOf } from './reason';
import { continuedText, type Prepared, preparedSentence, reasonSentence, stragglerSentence } from './reason-words';
import { figuresAt, type RunFigures } from './run-figures';
import { isLoss, MarkKind, Outcome, type RunTable } from './run-table';
import { capital, meanNumeral, numeral, type Span, task, text } from './sentence';
import { isPausedAt, standstillNs } from './standstill';
import { countStates } from './state-counts';
import { endOf, type StateCounts, taskStateAt } from './states';
import { type FunctionStatistics, statisticsAt } from './statistics';
import { MEDIAN_NEEDS, STRAGGLES } from './straggler';

/** The lead line and, where there is one, the second. */
export interface Findings {
  readonly lead: readonly Span[];
  readonly second: readonly Span[];
}

/** What the table alone does not hold. */
export interface FindingsContext {
  /** What took a worker longest to prepare. */
  readonly prepared?: Prepared | undefined;
  /** Of the run's summary: which task failed and why. */
  readonly failure?: Failure | null;
  /** Between which moments the run will end, nine times in ten before the later one; from so many earlier runs. */
  readonly expected?: { readonly p10Ns: number; readonly p90Ns: number; readonly runs: number } | null;
  /**
   * Word for how a run ended that did not succeed: cancelled, interrupted; unknown where its record is damaged. A run that
   * was imported and is running is a recording of which more is expected.
   */
  readonly status?: string;
  /** Of a run that was imported. */
  readonly imported?: Recording | null;
}

/** What a recording says of its run. */
export interface Recording {
  /** The makespan that it names; 0 where it names none. */
  readonly recordedNs: number;
  /** Time in which at least one task ran. */
  readonly explainedNs: number;
  /** It has no start times: when tasks ran was made up. */
  readonly isReconstructed: boolean;
}

interface Failure {
  readonly kind?: string;
  readonly node: number | null;
  readonly message: string;
  readonly attempt: number;
}

/** What the page counts as of the same moment, so that its sentences and its figures agree. */
export interface Counted {
  readonly figures: RunFigures;
  readonly counts: StateCounts;
  /** What longRunning finds in a live run, worked out less often; by default it is worked out here. */
  readonly longRunning?: readonly Span[];
}

/** Share of the makespan from which on a finding is worth the first line. */
const WORTH = 0.1;
/** Share of the makespan in which slots had nothing ready, from which on that stands out. */
const OFTEN = 0.25;
/** A function with so much of all work is named. */
const MOST = 0.5;

/** The findings of a run as of a moment; of an ended run as a whole, whatever the moment. */
export function findingsOf(...of: Parameters<typeof sentencesOf>): Findings {
  const [lead, second = []] = sentencesOf(...of);
  return { lead, second };
}

/** All that is worth saying, what says most first. The service finds the same: see metricsstore/findings. */
export function sentencesOf(
  index: GraphIndex,
  table: RunTable,
  lanes: Lanes,
  atNs: number,
  context: FindingsContext = {},
  known?: Counted,
): readonly [readonly Span[], ...(readonly Span[])[]] {
  const at = table.ended ? endOf(table) : atNs;
  const figures = known?.figures ?? figuresAt(table, lanes, at);
  const counts = known?.counts ?? countStates(index, table, at);
  if (!table.ended) return liveSentences(index, table, { ...known, figures, counts }, at, context);
  if (context.status === 'running' && context.imported) return [[text(soFarText(index, counts, at))]];
  const bounds = boundsOf(index, table, lanes);
  const [first, ...more] = [
    endSentence(index, table, { figures, counts }, context),
    recordedSentence(context.imported),
    ...(bounds === undefined ? [] : withCached(index, table, bounds, counts.cached, context)),
  ].filter((spans) => spans !== undefined);
  return [first ?? [text('No task has ended.')], ...more];
}

/** What is known of a recording of which more is expected: what took long in it may be another thing in the end. */
function soFarText(index: GraphIndex, { failed }: StateCounts, atNs: number): string {
  const failures = failed > 0 ? `, ${count(failed)} of them failed,` : '';
  return `${counted(index.tasks, 'task')}${failures} are known of the ${durationText(atNs)} so far.`;
}

/**
 * How much was not executed because it was cached is all that is said where that is everything, and else comes after
 * what took long: what is said of times is about the rest.
 */
function withCached(
  index: GraphIndex,
  table: RunTable,
  bounds: Bounds,
  cached: number,
  context: FindingsContext,
): (readonly Span[])[] {
  const { tasks } = index;
  if (cached > 0 && cached === tasks) {
    const took = bounds.makespanNs > 0 ? `; taking what they had made took ${durationText(bounds.makespanNs)}` : '';
    return [[text(`Nothing was executed: ${allOf(tasks)} cached${took}.`)]];
  }
  const sentences = endedSentences(index, table, bounds, context);
  if (cached === 0) return sentences;
  const sentence = [text(`${count(cached)} of ${counted(tasks, 'task')} ${cached === 1 ? 'was' : 'were'} cached.`)];
  return [...sentences.slice(0, 1), sentence, ...sentences.slice(1)];
}

function allOf(tasks: number): string {
  return tasks === 1 ? 'its only task was' : `all ${counted(tasks, 'task')} were`;
}

/** What an ended run was long for, most of it first, and what else is worth saying. */
function endedSentences(
  index: GraphIndex,
  table: RunTable,
  bounds: Bounds,
  context: FindingsContext,
): (readonly Span[])[] {
  if (bounds.makespanNs === 0) return [[text('No task took any time.')]]; // as of recorded steps that were cached
  const reasons = reasonsOf(bounds);
  const loss = lossFinding(index, table);
  const isWorth = loss !== undefined && loss.ns >= WORTH * bounds.makespanNs;
  const sentences = reasons.map((reason) => reasonSentence(index, table, bounds, reason));
  if (context.imported?.isReconstructed === true) sentences[0] = asReconstructed(sentences[0]!);
  const continued = reasons.some(({ cause }) => cause === 'continued') ? undefined : continuedSentence(table);
  const more = [
    context.prepared && bounds.fromNs >= WORTH * bounds.makespanNs
      ? preparedSentence(bounds, context.prepared)
      : undefined,
    isWorth ? undefined : loss?.spans,
    stragglerFinding(index, bounds, reasons),
    shareFinding(index, bounds, reasons),
    starvedFinding(index, table, bounds),
  ];
  // What went wrong explains more than what took long.
  return [continued, isWorth ? loss.spans : undefined, ...sentences, ...more].filter((spans) => spans !== undefined);
}

/** The waits of a reconstructed schedule are not measured, so whatever is said of them says so. */
function asReconstructed([first, ...rest]: readonly Span[]): Span[] {
  const start = text('As reconstructed, ');
  if (first?.kind !== 'text') return [start, ...(first ? [first] : []), ...rest];
  return [start, text(first.text.charAt(0).toLowerCase() + first.text.slice(1)), ...rest];
}

/** The reason; where that is a standstill, the reason of the rest as well. */
function reasonsOf(bounds: Bounds): Reason[] {
  const first = reasonOf(bounds);
  if (first.cause !== 'paused' && first.cause !== 'continued') return [first];
  return [first, reasonOf(bounds, { still: false })];
}

/** How much of what was recorded the tasks explain. */
function recordedSentence(imported: Recording | null | undefined): Span[] | undefined {
  const restNs = imported ? imported.recordedNs - imported.explainedNs : 0;
  if (!imported || !(restNs > 0 && restNs >= WORTH * imported.recordedNs)) return undefined;
  const rest = durationText(restNs);
  const of = `${durationText(imported.explainedNs)} of ${durationText(imported.recordedNs)}`;
  return [text(`Tasks explain ${of}; what the other ${rest} went into is not in the recording.`)];
}

/** A sentence, and how much of the makespan it explains. */
interface Finding {
  readonly ns: number;
  readonly spans: readonly Span[];
}

/** That the run was at a standstill between two revisions, which its makespan does not show. */
function continuedSentence(table: RunTable): Span[] | undefined {
  const gapNs = standstillNs(table, 0, Infinity, 'over');
  return gapNs > 0 ? [text(continuedText(gapNs))] : undefined;
}

/** How a run ended that did not succeed; that comes first, whatever took how long. */
function endSentence(index: GraphIndex, table: RunTable, known: Counted, context: FindingsContext): Span[] | undefined {
  if (context.status === 'unknown') return [text('The record is damaged: how the run ended is not known.')];
  // The log has it before the summary does.
  const last = table.marks.findLast(({ kind }) => kind === MarkKind.runFinished)?.value;
  const isCancelled = context.status === 'cancelled' || last === Outcome.cancelled;
  if (!isCancelled && context.status !== 'interrupted') return failureSentence(index, table, known, context);
  return [text(endedEarly(index, table, known, context, isCancelled ? 'Cancelled' : 'Interrupted'))];
}

function failureSentence(
  index: GraphIndex,
  table: RunTable,
  { counts: { skipped } }: Counted,
  context: FindingsContext,
): Span[] | undefined {
  let node = context.failure?.node ?? -1;
  let attempt = context.failure?.attempt ?? 0;
  const { last } = nodeRowsOf(table);
  for (let row = 0; row < table.rows && node < 0; row++) {
    if (table.outcome[row] !== Outcome.failed || last[table.node[row]!] !== row) continue; // what was done again is over
    node = table.node[row]!;
    attempt = table.attempt[row]!;
  }
  const message = context.failure?.message ?? '';
  if (node < 0) return message === '' ? undefined : [text(`The run failed: ${ended(firstLine(message))}`)];
  const tries = attempt > 1 ? ` at attempt ${attempt}` : '';
  const why = message === '' ? '.' : `: ${ended(firstLine(message))}`;
  const more =
    skipped > 0 ? ` ${counted(skipped, 'task')} that needed it ${skipped === 1 ? 'was' : 'were'} skipped.` : '';
  return [task(index, node), text(` failed${tries}${why}${more}`)];
}

const LONGEST_MESSAGE = 160;

function firstLine(message: string): string {
  const line = message.split('\n', 1)[0]!.trim().replace(/\.$/, '');
  const characters = [...line]; // a character may be two of a string's units
  return characters.length <= LONGEST_MESSAGE ? line : `${characters.slice(0, LONGEST_MESSAGE - 1).join('')}…`;
}

/** With the full stop of a sentence, unless the message was cut off. */
function ended(line: string): string {
  return line.endsWith('…') ? line : `${line}.`;
}

function endedEarly(
  index: GraphIndex,
  table: RunTable,
  { figures, counts }: Counted,
  context: FindingsContext,
  word: 'Cancelled' | 'Interrupted',
): string {
  const isDeadline = table.marks.some(({ kind }) => kind === MarkKind.runDeadline);
  // Where it was not asked for, the error says what ended it.
  const isAsked = table.marks.some(({ kind }) => kind === MarkKind.cancelRequested);
  const message = isAsked || isDeadline ? '' : firstLine(failureText(context.failure));
  const why = isDeadline ? ', at its deadline' : message === '' ? '' : `: ${message}`;
  // Where no attempt has ended there is no makespan, but the log has how long the run was seen.
  const seenNs = figures.elapsedNs > 0 ? figures.elapsedNs : endOf(table);
  return `${word} after ${durationText(seenNs)} with ${count(counts.succeeded + counts.cached)} of ${counted(index.tasks, 'task')} done${why}.`;
}

/** What slots that had nothing ready waited for. That one slot worked alone is the case that says most. */
function starvedFinding(index: GraphIndex, table: RunTable, bounds: Bounds): Span[] | undefined {
  const { slots, makespanNs, occupancy } = bounds;
  const { soloNs, soloRows, starvedNs, starvedSlotNs, starvedBy } = occupancy;
  if (Math.round(slots) < 2 || makespanNs <= 0) return undefined;
  const isOften = starvedNs >= OFTEN * makespanNs;
  const of = `of ${durationText(makespanNs)}`;
  if (soloNs >= WORTH * makespanNs && (!isOften || soloNs >= starvedNs / 2)) {
    const others = numeral(Math.round(slots) - 1);
    const who = `one slot worked and ${others} had nothing ready: `;
    return [text(`For ${durationText(soloNs)} ${of} ${who}`), ...named(index, table, soloRows)];
  }
  if (!isOften) return undefined;
  if (!((starvedBy[0]?.ns ?? 0) >= WORTH * starvedNs))
    return [text(`For ${durationText(starvedNs)} ${of} hardly anything ran and nothing was ready.`)];
  const mean = meanNumeral(starvedSlotNs / starvedNs);
  const who = `slots had nothing ready, ${mean} of ${meanNumeral(slots)} on average. Longest ran `;
  return [text(`For ${durationText(starvedNs)} ${of} ${who}`), ...named(index, table, starvedBy)];
}

/** The function that most of the work is of, where slots were full of work. */
function shareFinding(index: GraphIndex, { largest }: Bounds, reasons: readonly Reason[]): Span[] | undefined {
  if (largest === undefined || index.graph.functions.length < 2 || largest.share < MOST) return undefined;
  if (!reasons.some(({ cause }) => cause === 'full')) return undefined;
  const { function: name } = index.graph.functions[largest.function]!;
  return [text(`${name} is ${percent(largest.share)} of the work, ${durationText(largest.ns)}.`)];
}

/** Rows as a list of their tasks, and the end of a sentence. */
function named(index: GraphIndex, table: RunTable, rows: readonly RowTime[]): Span[] {
  const spans: Span[] = [];
  rows.slice(0, 3).forEach(({ row, ns }, i) => {
    if (i > 0) spans.push(text(', '));
    spans.push(task(index, table.node[row]!), text(` ${durationText(ns)}`));
  });
  spans.push(text('.'));
  return spans;
}

/** What was lost with workers, which is worth saying however little it was. */
function lossFinding(index: GraphIndex, table: RunTable): Finding | undefined {
  let [count, longest, longestNs] = [0, -1, 0];
  for (let row = 0; row < table.rows; row++) {
    if (table.outcome[row] !== Outcome.lost) continue;
    count++;
    const heldNs = orZero(table.updatedNs[row]! - table.claimedNs[row]!);
    if (longest < 0 || heldNs > longestNs) [longest, longestNs] = [row, heldNs];
  }
  if (longest < 0) return undefined;
  const workers = table.marks.filter(isLoss).length;
  // A worker that died cannot be distinguished from one that cannot reach the store.
  const who =
    workers > 1 ? `${capital(numeral(workers))} workers were lost or cut off` : 'A worker was lost or cut off';
  const held = longestNs > 0 ? `, ${durationText(longestNs)} after it was claimed` : '';
  // A recording that ends too early knows of no worker that was lost.
  const first = task(index, table.node[longest]!);
  const spans = table.recorded
    ? count === 1
      ? [first, text(` was lost or has no recorded end${held}.`)]
      : [text(`${counted(count, 'attempt')} were lost or have no recorded end: `), first, text(`${held}, and others.`)]
    : count === 1
      ? [text(`${who} with `), first, text(`${held}.`)]
      : [text(`${who} with ${counted(count, 'attempt')}: `), first, text(`${held}, and others.`)];
  return { ns: longestNs, spans };
}

function orZero(ns: number): number {
  return Number.isNaN(ns) ? 0 : ns;
}

function stragglerFinding(
  index: GraphIndex,
  { straggler, makespanNs }: Bounds,
  reasons: readonly Reason[],
): Span[] | undefined {
  // Less than a twentieth of the makespan is not what made the run long.
  if (straggler === undefined || straggler.lateNs < (WORTH / 2) * makespanNs) return undefined;
  return reasons.some(({ cause }) => cause === 'straggler') ? undefined : stragglerSentence(index, straggler);
}

function liveSentences(
  index: GraphIndex,
  table: RunTable,
  { figures, counts, longRunning: long }: Counted,
  atNs: number,
  context: FindingsContext,
): [Span[], ...Span[][]] {
  const over = counts.succeeded + counts.cached + counts.failed + counts.cancelled + counts.skipped + counts.lost;
  const isPaused = isPausedAt(table, atNs);
  const now = isPaused ? 'the run is paused' : slotsWork(counts, figures);
  const lead = [
    text(`${durationText(atNs)} in, ${count(over)} of ${counted(index.tasks, 'task')} ended and ${now}.`),
    ...(long ?? longRunning(index, table, atNs)),
  ];
  const waiting = counts.ready + counts.retrying;
  const wait = `${counted(waiting, 'task')} ${waiting === 1 ? 'waits' : 'wait'}`;
  if (waiting > 0) lead.push(text(` ${wait} ${isPaused ? 'until it is resumed' : 'for a slot'}.`));
  const { expected } = context;
  if (!expected) return [lead];
  const range = `${durationText(expected.p10Ns)} and ${durationText(expected.p90Ns)}`;
  return [lead, [text(`Expected end between ${range} (p10 to p90 from ${counted(expected.runs, 'run')}).`)]];
}

/** The running task that has taken most times its function's median so far. */
export function longRunning(index: GraphIndex, table: RunTable, atNs: number): Span[] {
  const statistics: readonly FunctionStatistics[] = statisticsAt(index, table, 'execute_ns', atNs);
  const { rows } = nodeRowsOf(table);
  let worst = { row: -1, ratio: STRAGGLES };
  for (let row = 0; row < rows; row++) {
    if (!(table.startedNs[row]! <= atNs) || table.endedNs[row]! <= atNs) continue;
    const known = statistics[index.functionOf(table.node[row]!)];
    if (known === undefined || known.n < MEDIAN_NEEDS || !(known.p50 > 0)) continue;
    const times = phasesAt(table, row, atNs).executeNs / known.p50;
    const isRunning = times > worst.ratio && taskStateAt(table, table.node[row]!, atNs) === 'running';
    if (isRunning) worst = { row, ratio: times };
  }
  if (worst.row < 0) return [];
  return [text(' '), task(index, table.node[worst.row]!), text(` has taken ${ratio(worst.ratio)} its median.`)];
}

/** Slots at work, now or on average in the last second: tasks of a few milliseconds are not seen one by one. */
function slotsWork(counts: StateCounts, figures: RunFigures): string {
  const { slots: known, slotsThere: slots, lately } = figures;
  if (known === 0) return 'no slot has worked yet';
  if (slots === 0) return 'no worker is connected';
  const seen = counts.fetching + counts.running + counts.storing;
  const busy = Math.min(slots, Math.max(seen, Math.round(lately.busy)));
  if (busy === 0) {
    if (!(lately.busy > 0)) return 'no slot works';
    return `its slots were ${percent(lately.busy / lately.slots)} busy in the last second`;
  }
  if (busy >= slots)
    return slots === 1 ? 'the only slot works' : `${slots === 2 ? 'both' : `all ${numeral(slots)}`} slots work`;
  return `${numeral(busy)} of ${numeral(slots)} slots ${busy === 1 ? 'works' : 'work'}`;
}
