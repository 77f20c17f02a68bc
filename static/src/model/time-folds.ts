// Stretches of a run without work, and time with these shortened.

import { ascendingOrder, picked } from './order';
import type { RunTable } from './run-table';
import { endOf } from './states';

/** No slot held an attempt from one moment to another; ns since the run's start. */
export interface Gap {
  readonly fromNs: number;
  readonly toNs: number;
}

/** A gap is folded from this share of the time of all work on, */
const LEAST_SHARE = 0.05;
/** to this share of it, or to less where there are so many gaps that they would take more than this together. */
const SHOWN_SHARE = 0.02;
const MOST_SHARE = 0.4;

const cache = new WeakMap<RunTable, { version: number; folds: TimeFolds }>();

/** The folds of a run so far: before its first attempt and between attempts, but not after the last, where it may continue. */
export function foldsOf(table: RunTable): TimeFolds {
  const known = cache.get(table);
  if (known?.version === table.version) return known.folds;
  const folds = foldsOfGaps(gapsOf(table));
  cache.set(table, { version: table.version, folds });
  return folds;
}

/** All gaps in order, with when the last attempt was over. */
function gapsOf(table: RunTable): { gaps: Gap[]; overNs: number } {
  const claimed: number[] = [];
  for (let row = 0; row < table.rows; row++) if (!Number.isNaN(table.claimedNs[row]!)) claimed.push(row);
  const rows = Uint32Array.from(claimed);
  const gaps: Gap[] = [];
  let overNs = 0;
  for (const place of ascendingOrder(picked(table.claimedNs, rows))) {
    const row = rows[place]!;
    if (table.claimedNs[row]! > overNs) gaps.push({ fromNs: overNs, toNs: table.claimedNs[row]! });
    const endNs = table.updatedNs[row]!;
    overNs = Math.max(overNs, Number.isNaN(endNs) ? endOf(table) : endNs);
  }
  return { gaps, overNs: Math.min(overNs, Math.max(table.nowNs, 0)) };
}

function foldsOfGaps({ gaps, overNs }: { gaps: readonly Gap[]; overNs: number }): TimeFolds {
  const workNs = gaps.reduce((left, { fromNs, toNs }) => left - (toNs - fromNs), overNs);
  const long = gaps.filter(({ fromNs, toNs }) => workNs > 0 && toNs - fromNs > workNs * LEAST_SHARE);
  if (long.length === 0) return unfolded;
  return new TimeFolds(long, workNs * Math.min(SHOWN_SHARE, MOST_SHARE / long.length));
}

/**
 * A time in which every gap takes shownNs: piecewise linear, ascending, and 0 at 0. Immutable; shown and real are
 * inverses. What lies beyond the last gap is as long as it is.
 */
export class TimeFolds {
  readonly gaps: readonly Gap[];
  readonly #shownNs: number;
  /** By gap: by how much less time has been shown at its beginning. */
  readonly #lessNs: Float64Array;

  constructor(gaps: readonly Gap[], shownNs: number) {
    this.gaps = gaps;
    this.#shownNs = shownNs;
    this.#lessNs = new Float64Array(gaps.length + 1);
    gaps.forEach(({ fromNs, toNs }, i) => {
      this.#lessNs[i + 1] = this.#lessNs[i]! + (toNs - fromNs) - shownNs;
    });
  }

  /** A moment in shown time. */
  shown(ns: number): number {
    const i = this.#firstGap((gap) => gap.toNs > ns);
    const gap = this.gaps[i];
    if (gap === undefined || ns <= gap.fromNs) return ns - this.#lessNs[i]!;
    const share = (ns - gap.fromNs) / (gap.toNs - gap.fromNs);
    return gap.fromNs - this.#lessNs[i]! + share * this.#shownNs;
  }

  /** The moment that shown time stands for. */
  real(shownNs: number): number {
    const i = this.#firstGap((gap, at) => gap.toNs - this.#lessNs[at + 1]! > shownNs);
    const gap = this.gaps[i];
    const beginsNs = gap === undefined ? Infinity : gap.fromNs - this.#lessNs[i]!;
    if (gap === undefined || shownNs <= beginsNs) return shownNs + this.#lessNs[i]!;
    return gap.fromNs + ((shownNs - beginsNs) / this.#shownNs) * (gap.toNs - gap.fromNs);
  }

  #firstGap(holds: (gap: Gap, i: number) => boolean): number {
    let low = 0;
    let high = this.gaps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.gaps[middle]!, middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Time as it is. */
export const unfolded = new TimeFolds([], 0);
