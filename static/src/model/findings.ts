// What a run's page says first: the one or two things that explain its length, in words.

import { criticalPathOf } from './critical-path';
import { counted, durationText, percent, ratio } from './format';
import type { GraphIndex } from './graph-index';
import type { Lanes } from './lanes';
import { nodeRowsOf } from './node-rows';
import { phasesAt } from './phases';
import { figuresAt, makespanOf, occupancyOf, type RowTime, type RunFigures } from './run-figures';
import { isLoss, MarkKind, Outcome, restartsOf, type RunTable } from './run-table';
import { countStates, endOf, taskStateAt } from './states';
import { type FunctionStatistics, statisticsAt } from './statistics';

/** A piece of a sentence; a task is a link to it. */
export type Span =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'task'; readonly text: string; readonly node: number };

/** The lead line and, where there is one, the second. */
export interface Findings {
  readonly lead: readonly Span[];
  readonly second: readonly Span[];
}

/** What the table alone cannot tell. */
export interface FindingsContext {
  /** Of the run's summary: which task failed and why. */
  readonly failure?: { readonly node: number | null; readonly message: string; readonly attempt: number } | null;
  /** Where past runs of the workflow ended. */
  readonly expected?: { readonly p25Ns: number; readonly p75Ns: number; readonly runs: number } | null;
  /** Word for how a run ended that did not succeed: cancelled, interrupted. */
  readonly status?: string;
}

/** Share of the makespan from which on a finding is worth the first line. */
const WORTH = 0.1;
/** Share of the makespan in which slots had nothing ready, from which on that stands out. */
const OFTEN = 0.25;
/** A task that took so many times its function's median is a straggler. */
const STRAGGLES = 1.5;
/** Least number of values for a median worth comparing with. */
const MEDIAN_NEEDS = 5;

/** The findings of a run as of a moment; of an ended run as a whole, whatever the moment. */
export function findingsOf(
  index: GraphIndex,
  table: RunTable,
  lanes: Lanes,
  atNs: number,
  context: FindingsContext = {},
): Findings {
  const at = Math.min(atNs, endOf(table));
  const figures = figuresAt(table, lanes, table.ended ? endOf(table) : at);
  if (!table.ended) return liveFindings(index, table, figures, at, context);
  const end = endSentence(index, table, figures, context);
  const loss = lossFinding(index, table);
  const found = [
    starvedFinding(index, table, figures),
    pathFinding(index, table),
    stragglerFinding(index, table, figures),
    ...(loss === undefined || isWorth(loss, figures) ? [] : [loss]),
  ]
    .filter((finding) => finding !== undefined)
    .sort((a, b) => b.ns - a.ns);
  // What went wrong explains more than what took long.
  const first = [end, continuedSentence(table), loss !== undefined && isWorth(loss, figures) ? loss.spans : undefined];
  const sentences = [...first.filter((spans) => spans !== undefined), ...found.map(({ spans }) => spans)];
  const nothing = text(`Nothing stands out: slots were busy ${percent(figures.busyShare)} of the makespan.`);
  return { lead: sentences[0] ?? [nothing], second: sentences[1] ?? [] };
}

/** A sentence, and how much of the makespan it explains. */
interface Finding {
  readonly ns: number;
  readonly spans: readonly Span[];
}

function isWorth(finding: Finding, figures: RunFigures): boolean {
  return finding.ns >= WORTH * figures.elapsedNs;
}

/** That the run stood still between two revisions, which its figures and its path do not tell apart from waiting. */
function continuedSentence(table: RunTable): Span[] | undefined {
  const againNs = restartsOf(table).at(-1);
  if (againNs === undefined) return undefined;
  const ends = table.marks.filter(({ kind, atNs }) => kind === MarkKind.runFinished && atNs <= againNs);
  const gapNs = againNs - (ends.at(-1)?.atNs ?? againNs);
  return [
    text(`The run had ended before and was continued ${durationText(gapNs)} later, which its makespan includes.`),
  ];
}

/** How a run ended that did not succeed; that comes first, whatever took how long. */
function endSentence(
  index: GraphIndex,
  table: RunTable,
  figures: RunFigures,
  context: FindingsContext,
): Span[] | undefined {
  const failure = failureSentence(index, table, context);
  if (failure !== undefined) return failure;
  const isCut = context.status === 'cancelled' || context.status === 'interrupted';
  return isCut ? [text(endedEarly(index, table, figures, context.status))] : undefined;
}

function text(words: string): Span {
  return { kind: 'text', text: words };
}

function task(index: GraphIndex, node: number): Span {
  return { kind: 'task', text: index.nameOf(node), node };
}

function failureSentence(index: GraphIndex, table: RunTable, context: FindingsContext): Span[] | undefined {
  let node = context.failure?.node ?? -1;
  let attempt = context.failure?.attempt ?? 0;
  const { last } = nodeRowsOf(table);
  for (let row = 0; row < table.rows && node < 0; row++) {
    if (table.outcome[row] !== Outcome.failed || last[table.node[row]!] !== row) continue; // what was done again is over
    node = table.node[row]!;
    attempt = table.attempt[row]!;
  }
  const message = context.failure?.message ?? '';
  if (node < 0) return message === '' ? undefined : [text(`The run failed: ${firstLine(message)}.`)];
  const tries = attempt > 1 ? ` at attempt ${attempt}` : '';
  const why = message === '' ? '.' : `: ${firstLine(message)}.`;
  const skipped = countStates(index, table, endOf(table)).skipped;
  const more =
    skipped > 0 ? ` ${counted(skipped, 'task')} that needed it ${skipped === 1 ? 'was' : 'were'} skipped.` : '';
  return [task(index, node), text(` failed${tries}${why}${more}`)];
}

const LONGEST_MESSAGE = 160;

function firstLine(message: string): string {
  const line = message.split('\n', 1)[0]!.trim().replace(/\.$/, '');
  return line.length <= LONGEST_MESSAGE ? line : `${line.slice(0, LONGEST_MESSAGE - 1)}…`;
}

function endedEarly(index: GraphIndex, table: RunTable, figures: RunFigures, status = ''): string {
  const counts = countStates(index, table, endOf(table));
  const word = status === 'cancelled' ? 'Cancelled' : 'Interrupted';
  // Where no attempt has ended there is no makespan, but the log tells how long the run was seen.
  const seenNs = figures.elapsedNs > 0 ? figures.elapsedNs : endOf(table);
  return `${word} after ${durationText(seenNs)} with ${counts.succeeded} of ${counted(index.tasks, 'task')} done.`;
}

/** What slots that had nothing ready waited for. That one slot worked alone is the case that says most. */
function starvedFinding(index: GraphIndex, table: RunTable, figures: RunFigures): Finding | undefined {
  const { slots, elapsedNs } = figures;
  if (slots < 2 || elapsedNs <= 0) return undefined;
  const { fromNs, toNs } = makespanOf(table);
  const { soloNs, soloRows, starvedNs, starvedSlots, starvedBy } = occupancyOf(table, slots, fromNs, toNs);
  const isOften = starvedNs >= OFTEN * elapsedNs;
  const of = `of ${durationText(elapsedNs)}`;
  if (soloNs >= WORTH * elapsedNs && (!isOften || soloNs >= starvedNs / 2)) {
    const who = `one slot worked and ${numeral(slots - 1)} had nothing ready: `;
    const spans = [text(`For ${durationText(soloNs)} ${of} ${who}`), ...named(index, table, soloRows)];
    return { ns: soloNs, spans };
  }
  if (!isOften) return undefined;
  if (!((starvedBy[0]?.ns ?? 0) >= WORTH * starvedNs)) {
    const spans = [text(`For ${durationText(starvedNs)} ${of} hardly anything ran and nothing was ready.`)];
    return { ns: starvedNs, spans };
  }
  const mean = starvedSlots < 9.95 ? starvedSlots.toFixed(1) : starvedSlots.toFixed(0);
  const who = `slots had nothing ready, ${mean} of ${numeral(slots)} on average. Longest ran `;
  const spans = [text(`For ${durationText(starvedNs)} ${of} ${who}`), ...named(index, table, starvedBy)];
  return { ns: starvedNs, spans };
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

interface Straggler {
  readonly node: number;
  readonly ratio: number;
  /** How long after every other task of its function it ended. */
  readonly lateNs: number;
}

/** The task that held up its function's others longest, having taken much longer than their median. */
function straggler(index: GraphIndex, table: RunTable): Straggler | undefined {
  const statistics = statisticsAt(index, table, 'execute_ns', endOf(table));
  const lastTwo = lastEndsOf(index, table);
  let worst: Straggler | undefined;
  statistics.forEach(({ n, p50 }, fn) => {
    const last = lastTwo[fn];
    if (last === undefined || n < MEDIAN_NEEDS || !(p50 > 0)) return;
    const times = (table.endedNs[last.row]! - table.startedNs[last.row]!) / p50;
    const lateNs = table.updatedNs[last.row]! - last.secondNs;
    if (times >= STRAGGLES && lateNs > (worst?.lateNs ?? 0))
      worst = { node: table.node[last.row]!, ratio: times, lateNs };
  });
  return worst;
}

/** Of each function the row that ended last, and when the one before it ended. */
function lastEndsOf(index: GraphIndex, table: RunTable): ({ row: number; secondNs: number } | undefined)[] {
  const ends: ({ row: number; secondNs: number } | undefined)[] = index.graph.functions.map(() => undefined);
  for (let row = 0; row < table.rows; row++) {
    if (table.outcome[row] !== Outcome.ok) continue;
    const fn = index.functionOf(table.node[row]!);
    const end = table.updatedNs[row]!;
    const known = ends[fn];
    if (known === undefined) ends[fn] = { row, secondNs: -Infinity };
    else if (end > table.updatedNs[known.row]!) ends[fn] = { row, secondNs: table.updatedNs[known.row]! };
    else known.secondNs = Math.max(known.secondNs, end);
  }
  return ends;
}

/** What went down with workers, which is worth telling however little it was. */
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
  // Nobody can tell a worker that died from one that cannot reach the store.
  const who =
    workers > 1 ? `${capital(numeral(workers))} workers were lost or cut off` : 'A worker was lost or cut off';
  const held = longestNs > 0 ? `, ${durationText(longestNs)} after it was claimed` : '';
  const spans =
    count === 1
      ? [text(`${who} with `), task(index, table.node[longest]!), text(`${held}.`)]
      : [
          text(`${who} with ${counted(count, 'attempt')}: `),
          task(index, table.node[longest]!),
          text(`${held}, and others.`),
        ];
  return { ns: longestNs, spans };
}

function orZero(ns: number): number {
  return Number.isNaN(ns) ? 0 : ns;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function stragglerFinding(index: GraphIndex, table: RunTable, figures: RunFigures): Finding | undefined {
  const found = straggler(index, table);
  // Less than a twentieth of the makespan is not what made the run long.
  if (found === undefined || found.lateNs < (WORTH / 2) * figures.elapsedNs) return undefined;
  const fn = index.graph.functions[index.functionOf(found.node)]!.function;
  const late = `ended ${durationText(found.lateNs)} after every other ${fn}.`;
  const spans = [task(index, found.node), text(` took ${ratio(found.ratio)} its median and ${late}`)];
  return { ns: found.lateNs, spans };
}

/** Share of the critical path that has to go into one thing other than executing to be told of. */
const MUCH = 0.4;

function pathFinding(index: GraphIndex, table: RunTable): Finding | undefined {
  const path = criticalPathOf(index, table);
  if (path === undefined) return undefined;
  const { againNs, queueNs } = path.phases;
  const movingNs = path.phases.fetchNs + path.phases.storeNs;
  const of = `of ${durationText(path.totalNs)}`;
  if (againNs >= MUCH * path.totalNs) {
    const spent = `On the critical path ${durationText(againNs)} ${of} went into attempts that had to be repeated.`;
    return { ns: againNs, spans: [text(spent)] };
  }
  if (queueNs >= MUCH * path.totalNs) {
    const waited = `On the critical path tasks waited ${durationText(queueNs)} ${of} to be claimed.`;
    return { ns: queueNs, spans: [text(waited)] };
  }
  if (movingNs < MUCH * path.totalNs) return undefined;
  const moved = `On the critical path moving data took ${durationText(movingNs)} ${of}.`;
  return { ns: movingNs, spans: [text(moved)] };
}

function liveFindings(
  index: GraphIndex,
  table: RunTable,
  figures: RunFigures,
  atNs: number,
  context: FindingsContext,
): Findings {
  const counts = countStates(index, table, atNs);
  const over = counts.succeeded + counts.failed + counts.cancelled + counts.skipped + counts.lost;
  const busy = counts.fetching + counts.running + counts.storing;
  const lead = [
    text(
      `${durationText(atNs)} in, ${over} of ${counted(index.tasks, 'task')} ended and ${slotsWords(busy, figures)}.`,
    ),
    ...longRunning(index, table, atNs),
  ];
  const waiting = counts.ready + counts.retrying;
  if (waiting > 0) lead.push(text(` ${counted(waiting, 'task')} ${waiting === 1 ? 'waits' : 'wait'} for a slot.`));
  const { expected } = context;
  if (!expected) return { lead, second: [] };
  const range = `${durationText(expected.p25Ns)} and ${durationText(expected.p75Ns)}`;
  return { lead, second: [text(`Expected end between ${range} (p25 to p75 of ${counted(expected.runs, 'run')}).`)] };
}

/** The running task that has taken most times its function's median so far. */
function longRunning(index: GraphIndex, table: RunTable, atNs: number): Span[] {
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

function slotsWords(busy: number, { slots: known, slotsThere: slots }: RunFigures): string {
  if (known === 0) return 'no slot has worked yet';
  if (slots === 0) return 'no worker is there';
  if (busy === 0) return 'no slot works';
  if (busy >= slots) return slots === 1 ? 'the only slot works' : `all ${numeral(slots)} slots work`;
  return `${numeral(busy)} of ${numeral(slots)} slots ${busy === 1 ? 'works' : 'work'}`;
}

const NUMERALS = [
  'no',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];

function numeral(n: number): string {
  return NUMERALS[n] ?? String(n);
}
