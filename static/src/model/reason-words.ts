// The reason of a run in words, and with it how near the bound is.

import type { Bounds } from './bounds';
import { counted, durationText, percent, ratio } from './format';
import type { GraphIndex } from './graph-index';
import type { Preparation } from './preparation';
import type { Cause, Reason } from './reason';
import type { RunTable } from './run-table';
import { meanNumeral, numeral, type Span, task, text } from './sentence';

/** Up to so many tasks are named as those that a chain consists of, each with at least a tenth of it. */
const NAMED = 3;
const WORTH = 0.1;
/** From this share of the makespan on slots were full, below they were most of the time. */
const FULL = 0.9;

interface Explained {
  readonly index: GraphIndex;
  readonly table: RunTable;
  readonly bounds: Bounds;
  readonly reason: Reason;
  /** Of the makespan: 9.90 s of 10.0 s. */
  readonly of: string;
}

const words: Record<Cause, (of: Explained) => Span[]> = {
  full: fullWords,
  chain: chainWords,
  serial: serialWords,
  straggler: stragglerWords,
  moving: ({ of }) => [text(`Moving data between tasks took ${of}.`)],
  engine: engineWords,
  again: ({ of }) => [text(`Attempts that had to be repeated took ${of}.`)],
  backoff: backoffWords,
  waiting: waitingWords,
  absent: ({ of }) => [text(`Tasks waited ${of} for a worker: there was none.`)],
  blocked: ({ of }) => [text(`Tasks that had a slot waited ${of} for processors or memory that they declare.`)],
  unready: unreadyWords,
  paused: ({ bounds }) => [
    text(`The run was paused for ${durationText(bounds.pausedNs)} of ${durationText(bounds.makespanNs)}.`),
  ],
  continued: ({ reason }) => [text(continuedText(reason.ns))],
};

/** That a run had ended before, and after how long it was continued. */
export function continuedText(gapNs: number): string {
  return `The run had ended and was continued ${durationText(gapNs)} later, which its makespan includes.`;
}

/** A reason as a sentence. */
export function reasonSentence(index: GraphIndex, table: RunTable, bounds: Bounds, reason: Reason): Span[] {
  const of = `${durationText(reason.ns)} of ${durationText(bounds.makespanNs)}`;
  return words[reason.cause]({ index, table, bounds, reason, of });
}

function fullWords({ table, bounds, reason, of }: Explained): Span[] {
  const { slots, work, chain } = bounds;
  // A recording seldom says how many slots there were: that more would have helped is not known.
  if (table.recorded && Math.round(slots) <= 1)
    return [text(`One task ran at a time, for ${of}; the longest chain is ${durationText(chain.ns)}.`)];
  if (Math.round(slots) <= 1)
    return [text(`The only slot was full for ${of}; the longest chain is ${durationText(chain.ns)}.`)];
  if (table.recorded) {
    const mean = `${meanNumeral(slots)} tasks at a time${isWhole(slots) ? '' : ' on average'}`;
    const ran = `${durationText(work.totalNs)} of work took ${of}, with up to ${mean}`;
    return [text(`${ran}; the longest chain is ${durationText(chain.ns)}.`)];
  }
  const were = reason.share >= FULL ? 'full' : 'full most of the time';
  const fills = `${durationText(work.totalNs)} of work on ${slotsWords(slots)} takes ${of}`;
  return [text(`${allSlots(slots)} ${were}: ${fills}; the longest chain is ${durationText(chain.ns)}.`)];
}

function allSlots(slots: number): string {
  const whole = Math.round(slots);
  if (!isWhole(slots) || whole > 12) return 'All slots were';
  return whole === 2 ? 'Both slots were' : `All ${numeral(whole)} slots were`;
}

/** Two slots, or 2.3 slots on average. */
export function slotsWords(slots: number): string {
  const mean = meanNumeral(slots);
  return `${mean} ${mean === 'one' ? 'slot' : 'slots'}${isWhole(slots) ? '' : ' on average'}`;
}

function isWhole(slots: number): boolean {
  return Math.abs(slots - Math.round(slots)) < 0.05;
}

function serialWords({ bounds, reason, of }: Explained): Span[] {
  const tasks = bounds.heldChain.nodes.length;
  if (tasks === 1) return [text(`A single task ${reason.share >= FULL ? 'is the makespan:' : 'takes'} ${of}.`)];
  const chain = `the chain of ${counted(tasks, 'task')}`;
  return [text(`One task at a time: ${chain} ${reason.share >= FULL ? 'is the makespan,' : 'takes'} ${of}.`)];
}

function chainWords(explained: Explained): Span[] {
  const { bounds, of } = explained;
  const tasks = bounds.heldChain.nodes.length;
  const chain = tasks === 1 ? 'One task' : `The longest chain, ${counted(tasks, 'task')},`;
  const named = longestOn(explained);
  const start = text(`${chain} takes ${of}, however many slots there are${named.length === 0 ? '.' : ': '}`);
  return [start, ...named];
}

/** The tasks of the chain that make it long. */
function longestOn({ index, table, bounds }: Explained): Span[] {
  const long = bounds.heldChain.nodes
    .map((node) => ({ node, ns: executeOf(table, node) }))
    .filter(({ ns }) => ns >= WORTH * bounds.heldChain.ns)
    .sort((a, b) => b.ns - a.ns || a.node - b.node)
    .slice(0, NAMED);
  return long.flatMap(({ node, ns }, i) => [
    task(index, node),
    text(` ${durationText(ns)}${i === long.length - 1 ? '.' : ', '}`),
  ]);
}

function executeOf(table: RunTable, node: number): number {
  const row = table.rowsOf(node).at(-1);
  return row === undefined ? 0 : table.endedNs[row]! - table.startedNs[row]!;
}

function stragglerWords({ index, bounds }: Explained): Span[] {
  return stragglerSentence(index, bounds.straggler!);
}

export function stragglerSentence(
  index: GraphIndex,
  { node, ratio: times, lateNs }: NonNullable<Bounds['straggler']>,
): Span[] {
  const fn = index.graph.functions[index.functionOf(node)]!.function;
  const late = `ended ${durationText(lateNs)} after every other ${fn}.`;
  return [task(index, node), text(` took ${ratio(times)} its median and ${late}`)];
}

/** Of the critical path only: other tasks may have run meanwhile. */
function unreadyWords({ of }: Explained): Span[] {
  return [
    text(
      `For ${of} tasks of the critical path were not ready to start; the recording does not say what they waited for.`,
    ),
  ];
}

function engineWords({ table, bounds, of }: Explained): Span[] {
  // What another engine did between taking a task and running it is not known to be work.
  if (table.recorded)
    return [text(`Tasks spent ${of} before and after their execution; the recording does not say on what.`)];
  const { work, tasks } = bounds;
  const each = `${durationText(work.engineNs / tasks)} a task, which itself takes ${durationText(work.executeNs / tasks)}`;
  return [text(`Tasks are tiny: the engine's work on them took ${of}, ${each}.`)];
}

function backoffWords({ index, bounds, of }: Explained): Span[] {
  const worst = bounds.steps.reduce((most, step) => (step.backoffNs > most.backoffNs ? step : most));
  const spent = durationText(bounds.path.againNs);
  return [
    text(`Waiting before retries took ${of}; the attempts before took ${spent}. `),
    task(index, worst.node),
    text(' waited longest.'),
  ];
}

function waitingWords({ table, bounds, of }: Explained): Span[] {
  if (table.recorded) return [text(`Tasks that were ready waited ${of} until they were started.`)];
  const busy = percent(bounds.makespanNs > 0 ? bounds.work.totalNs / (bounds.slots * bounds.makespanNs) : NaN);
  return [
    text(`Tasks waited ${of} to be claimed although slots were free: ${slotsWords(bounds.slots)}, ${busy} busy.`),
  ];
}

/** What a worker prepared, and which one that was. */
export interface Prepared extends Preparation {
  readonly worker: string;
}

/** Why the makespan, which begins with the first claim, began late; undefined where the preparation was not over by then. */
export function preparedSentence({ fromNs }: Bounds, { worker, name, ...prepared }: Prepared): Span[] | undefined {
  if (prepared.toNs > fromNs) return undefined;
  const took = durationText(prepared.toNs - prepared.fromNs);
  return [text(`The first claim came after ${durationText(fromNs)}: ${worker} prepared ${name} for ${took}.`)];
}
