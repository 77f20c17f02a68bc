// How many tasks were ready, moving bytes or running over time.

import { ascendingOrder } from './order';
import { Outcome, type RunTable } from './run-table';
import { endOf } from './states';
import { unfolded } from './time-folds';

/** A step function: from atNs[i] on, up to atNs[i + 1], so many attempts were in each state. */
export interface Profile {
  readonly length: number;
  readonly atNs: Float64Array;
  /** Ready and waiting for a slot. */
  readonly ready: Float64Array;
  /** Fetching inputs, or outputs that are cached, or handing on outputs. */
  readonly moving: Float64Array;
  readonly running: Float64Array;
}

/** Time-weighted means of a profile over buckets of equal width. */
export interface ProfileBuckets {
  readonly fromNs: number;
  readonly stepNs: number;
  readonly ready: Float64Array;
  readonly moving: Float64Array;
  readonly running: Float64Array;
}

const READY = 0;
const MOVING = 1;
const RUNNING = 2;

/** Calls visit for each stretch of an attempt in one of the three; one that has not ended ends at Infinity. */
function eachStretch(table: RunTable, row: number, endNs: number, visit: StretchVisitor): void {
  const ready = table.readyNs[row]!;
  const over = orElse(table.updatedNs[row]!, endNs);
  const ended = Math.min(orElse(table.endedNs[row]!, over), over);
  const started = Math.min(orElse(table.startedNs[row]!, ended), ended);
  const claimed = Math.min(orElse(table.claimedNs[row]!, started), started);
  const hasRun = !Number.isNaN(table.startedNs[row]!);
  if (ready < claimed) visit(READY, ready, claimed);
  if (Number.isNaN(table.claimedNs[row]!)) return;
  if (claimed < started) visit(MOVING, claimed, started);
  if (!hasRun) return;
  // What is cached is not executed: its output is taken from the cache.
  if (started < ended) visit(table.outcome[row] === Outcome.cached ? MOVING : RUNNING, started, ended);
  if (ended < over) visit(MOVING, ended, over);
}

type StretchVisitor = (kind: number, fromNs: number, toNs: number) => void;

function orElse(at: number, otherwise: number): number {
  return Number.isNaN(at) ? otherwise : at;
}

const cache = new WeakMap<RunTable, { version: number; profile: Profile }>();

/** The exact profile of a run so far. It sorts every moment of the log: for pictures, profileBuckets is enough. */
export function profileOf(table: RunTable): Profile {
  const known = cache.get(table);
  if (known?.version === table.version) return known.profile;
  const profile = buildProfile(table);
  cache.set(table, { version: table.version, profile });
  return profile;
}

/** An attempt is in each of four stretches at most once, and each begins and ends. */
const CHANGES = 8;

function buildProfile(table: RunTable): Profile {
  const endNs = endOf(table);
  const atNs = new Float64Array(1 + CHANGES * table.rows); // the first change is none: the start
  const kind = new Int8Array(atNs.length); // 1 + kind where one begins, -1 - kind where one ends
  let n = 1;
  const visit = (k: number, fromNs: number, toNs: number): void => {
    atNs[n] = fromNs;
    kind[n++] = k + 1;
    if (toNs === Infinity) return;
    atNs[n] = toNs;
    kind[n++] = -k - 1;
  };
  for (let row = 0; row < table.rows; row++) eachStretch(table, row, endNs, visit);
  return sweep(atNs.subarray(0, n), kind);
}

function sweep(at: Float64Array, kind: Int8Array): Profile {
  const order = ascendingOrder(at);
  const atNs = new Float64Array(at.length);
  const columns = [new Float64Array(at.length), new Float64Array(at.length), new Float64Array(at.length)] as const;
  const level = [0, 0, 0];
  let n = 0;
  for (let i = 0; i < order.length; i++) {
    const place = order[i]!;
    const change = kind[place]!;
    if (n === 0 || atNs[n - 1] !== at[place]) atNs[n++] = at[place]!;
    if (change !== 0) level[Math.abs(change) - 1]! += Math.sign(change);
    columns[READY][n - 1] = level[READY]!;
    columns[MOVING][n - 1] = level[MOVING]!;
    columns[RUNNING][n - 1] = level[RUNNING]!;
  }
  return {
    length: n,
    atNs: atNs.slice(0, n),
    ready: columns[READY].slice(0, n),
    moving: columns[MOVING].slice(0, n),
    running: columns[RUNNING].slice(0, n),
  };
}

/** The most tasks that were ever ready and waiting for a slot at once. */
export function mostReadyOf(table: RunTable): number {
  const endNs = endOf(table);
  const begins = new Float64Array(table.rows);
  const ends = new Float64Array(table.rows);
  let n = 0;
  for (let row = 0; row < table.rows; row++) {
    eachStretch(table, row, endNs, (kind, fromNs, toNs) => {
      if (kind !== READY) return;
      begins[n] = fromNs;
      ends[n++] = toNs;
    });
  }
  return mostAtOnce(begins.subarray(0, n).sort(), ends.subarray(0, n).sort());
}

/** How many of some stretches there are at once at most; begins and ends ascend, each in its own order. */
function mostAtOnce(begins: Float64Array, ends: Float64Array): number {
  let most = 0;
  let over = 0;
  for (let i = 0; i < begins.length; i++) {
    while (ends[over]! <= begins[i]!) over++;
    most = Math.max(most, i + 1 - over);
  }
  return most;
}

/**
 * Means over count buckets of stepNs from fromNs on, both of shown time, up to the moment untilNs; exact, in one pass over
 * the rows and no sorting.
 */
export function profileBuckets(
  table: RunTable,
  fromNs: number,
  stepNs: number,
  count: number,
  untilNs: number,
  folds = unfolded,
): ProfileBuckets {
  const sums = [0, 1, 2].map(() => new Float64Array(count));
  const rises = [0, 1, 2].map(() => new Float64Array(count + 1)); // changes of how many cover a bucket as a whole
  const endNs = endOf(table);
  const toNs = Math.min(fromNs + count * stepNs, folds.shown(untilNs));
  const visit = (kind: number, start: number, end: number): void => {
    const a = Math.max(folds.shown(start), fromNs);
    const b = Math.min(folds.shown(end), toNs);
    if (a < b) addStretch(sums[kind]!, rises[kind]!, (a - fromNs) / stepNs, (b - fromNs) / stepNs);
  };
  for (let row = 0; row < table.rows; row++) eachStretch(table, row, endNs, visit);
  for (let kind = 0; kind < sums.length; kind++) {
    let covering = 0;
    for (let i = 0; i < count; i++) {
      covering += rises[kind]![i]!;
      sums[kind]![i]! += covering;
    }
  }
  return { fromNs, stepNs, ready: sums[READY]!, moving: sums[MOVING]!, running: sums[RUNNING]! };
}

/** Adds a stretch, given in buckets: parts of the first and the last, all of those between. */
function addStretch(sums: Float64Array, rises: Float64Array, from: number, to: number): void {
  const first = Math.min(Math.floor(from), sums.length - 1);
  const last = Math.min(Math.floor(to), sums.length - 1);
  if (first === last) {
    sums[first]! += to - from;
    return;
  }
  sums[first]! += first + 1 - from;
  sums[last]! += to - last;
  rises[first + 1]! += 1;
  rises[last]! -= 1;
}
