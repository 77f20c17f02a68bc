// Attempts too short for a pixel, gathered in buckets of equal time.

import { visibleRows, type Lane } from '../model/lanes';
import { Outcome, type RunTable } from '../model/run-table';
import { type TimeFolds, unfolded } from '../model/time-folds';

/** A stretch of buckets: numbers [first, first + count), number n from n × widthNs of shown time on. */
export interface BucketRange {
  readonly first: number;
  readonly count: number;
  readonly widthNs: number;
  /** Buckets are stretches of shown time. */
  readonly folds: TimeFolds;
}

/**
 * Attempts of one or several lanes in a stretch of buckets. Buckets are aligned to the run's start, so they stay what
 * they are while the view moves. Long attempts are left out, to be painted by themselves.
 */
export interface LaneBuckets extends BucketRange {
  /** Attempts that begin in each bucket. */
  readonly started: Uint32Array;
  /** Share of each bucket, over all lanes, 0 to 1. */
  readonly running: Float64Array;
  readonly moving: Float64Array;
  /** The running share by the hue of what ran, ascending; empty where no hue was asked for. */
  readonly byHue: readonly { readonly hue: number; readonly running: Float64Array }[];
  /** 1 where an attempt that ended in it failed or was lost, however many others ended well. */
  readonly failed: Uint8Array;
  /** Places in the lane's rows of the attempts left out; empty for several lanes. */
  readonly long: readonly number[];
}

/** The hue of an attempt or its step of the ramp, by row of the table; negative for none. */
export type HueOf = (row: number) => number;

/** Stretches begin and end at multiples of this, so that a small pan finds them made. */
const STRETCH = 256;
/** Stretches kept for each name: the zooms before and after. */
const KEPT = 3;

/** The stretch that covers a span of time. */
export function bucketRange(fromNs: number, toNs: number, widthNs: number, folds = unfolded): BucketRange {
  const first = Math.floor(folds.shown(fromNs) / widthNs / STRETCH) * STRETCH;
  const last = Math.ceil(folds.shown(toNs) / widthNs / STRETCH) * STRETCH;
  return { first, count: Math.max(STRETCH, last - first), widthNs, folds };
}

/** Buckets of one version of a table, by name of what they gather; emptied by the next one. Owned by its stage. */
export class BucketCache {
  readonly #kept = new Map<string, LaneBuckets[]>();
  #table: RunTable | null = null;
  #version = -1;
  /** Rows read since the start: a budget of painting. */
  rowsRead = 0;

  /** Forgets what was made, because attempts have other hues now. */
  clear(): void {
    this.#kept.clear();
  }

  /**
   * longNs: from which length on an attempt is left out; Infinity leaves none out but those that have not ended. hueOf: how to
   * distinguish them, the same for the same name.
   */
  of(
    table: RunTable,
    name: string,
    lanes: readonly Lane[],
    range: BucketRange,
    longNs: number,
    hueOf?: HueOf,
  ): LaneBuckets {
    if (table !== this.#table || table.version !== this.#version) {
      this.#kept.clear();
      this.#table = table;
      this.#version = table.version;
    }
    const known = this.#kept.get(name) ?? [];
    const found = known.find(
      ({ widthNs, first, count, folds }) =>
        widthNs === range.widthNs && first === range.first && count === range.count && folds === range.folds,
    );
    if (found) return found;
    const gatherer = new Gatherer(table, range, lanes.length, hueOf);
    for (const lane of lanes) this.rowsRead += gatherer.add(lane, longNs);
    const made = gatherer.finish();
    this.#kept.set(name, [made, ...known].slice(0, KEPT));
    return made;
  }
}

/** Time in one state: parts of buckets as they are, whole buckets as changes that are summed up at the end. */
class Spread {
  readonly parts: Float64Array;
  readonly changes: Float64Array;

  constructor(count: number) {
    this.parts = new Float64Array(count);
    this.changes = new Float64Array(count + 1);
  }

  /** from and to in buckets of the stretch. */
  add(from: number, to: number): void {
    const a = Math.max(0, from);
    const b = Math.min(this.parts.length, to);
    if (!(a < b)) return;
    const first = Math.floor(a);
    const last = Math.min(Math.floor(b), this.parts.length - 1);
    if (first === last) {
      this.parts[first]! += b - a;
      return;
    }
    this.parts[first]! += first + 1 - a;
    this.parts[last]! += b - last;
    this.changes[first + 1]! += 1;
    this.changes[last]! -= 1;
  }

  finish(lanes: number): Float64Array {
    let whole = 0;
    for (let i = 0; i < this.parts.length; i++) {
      whole += this.changes[i]!;
      this.parts[i] = Math.min(1, (this.parts[i]! + whole) / lanes);
    }
    return this.parts;
  }
}

class Gatherer {
  readonly #table: RunTable;
  readonly #range: BucketRange;
  readonly #lanes: number;
  readonly #running: Spread;
  readonly #moving: Spread;
  readonly #started: Uint32Array;
  readonly #failed: Uint8Array;
  readonly #long: number[] = [];
  readonly #hueOf: HueOf | undefined;
  readonly #byHue = new Map<number, Spread>();

  constructor(table: RunTable, range: BucketRange, lanes: number, hueOf?: HueOf) {
    this.#hueOf = hueOf;
    this.#table = table;
    this.#range = range;
    this.#lanes = lanes;
    this.#running = new Spread(range.count);
    this.#moving = new Spread(range.count);
    this.#started = new Uint32Array(range.count);
    this.#failed = new Uint8Array(range.count);
  }

  /** Returns how many rows it read. */
  add(lane: Lane, longNs: number): number {
    const { first, count, widthNs, folds } = this.#range;
    const places = visibleRows(lane, folds.real(first * widthNs), folds.real((first + count) * widthNs));
    for (let i = places.from; i < places.to; i++) {
      const isOpen = lane.endNs[i] === Infinity;
      if (isOpen || lane.endNs[i]! - lane.startNs[i]! >= longNs) this.#long.push(i);
      else this.#gather(lane, i);
    }
    return places.to - places.from;
  }

  finish(): LaneBuckets {
    return {
      ...this.#range,
      started: this.#started,
      running: this.#running.finish(this.#lanes),
      moving: this.#moving.finish(this.#lanes),
      byHue: [...this.#byHue]
        .sort(([a], [b]) => a - b)
        .map(([hue, spread]) => ({ hue, running: spread.finish(this.#lanes) })),
      failed: this.#failed,
      long: this.#lanes === 1 ? this.#long : [],
    };
  }

  #spreadOf(hue: number): Spread {
    let spread = this.#byHue.get(hue);
    if (spread === undefined) this.#byHue.set(hue, (spread = new Spread(this.#range.count)));
    return spread;
  }

  #gather(lane: Lane, i: number): void {
    const { first, widthNs, count, folds } = this.#range;
    const row = lane.rows[i]!;
    const place = (ns: number): number => folds.shown(ns) / widthNs - first;
    const start = place(lane.startNs[i]!);
    const end = place(lane.endNs[i]!);
    const called = orElse(place(this.#table.startedNs[row]!), end);
    const returned = orElse(place(this.#table.endedNs[row]!), end);
    this.#moving.add(start, called);
    const isCached = this.#table.outcome[row] === Outcome.cached;
    (isCached ? this.#moving : this.#running).add(called, returned);
    if (this.#hueOf && !isCached) this.#spreadOf(this.#hueOf(row)).add(called, returned);
    this.#moving.add(returned, end);
    const begins = Math.floor(start);
    if (begins >= 0 && begins < count) this.#started[begins]!++;
    const ends = Math.min(count - 1, Math.max(0, Math.floor(end)));
    if (isBad(this.#table.outcome[row]!)) this.#failed[ends] = 1;
  }
}

function isBad(outcome: number): boolean {
  return outcome === Outcome.failed || outcome === Outcome.retrying || outcome === Outcome.lost;
}

function orElse(at: number, otherwise: number): number {
  return Number.isNaN(at) ? otherwise : at;
}

/** Rows of some lanes that begin in the bucket with a number, long ones left out. */
export function rowsInBucket(
  lanes: readonly Lane[],
  { widthNs, folds }: Pick<BucketRange, 'widthNs' | 'folds'>,
  number: number,
  longNs: number,
): number[] {
  const rows: number[] = [];
  const [fromNs, toNs] = [folds.real(number * widthNs), folds.real((number + 1) * widthNs)];
  for (const lane of lanes) {
    const { from: first, to: last } = visibleRows(lane, fromNs, toNs);
    for (let i = first; i < last; i++) if (lane.endNs[i]! - lane.startNs[i]! < longNs) rows.push(lane.rows[i]!);
  }
  return rows;
}
