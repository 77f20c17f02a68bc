// The ribbon's step functions, exact while that is cheap, else as means over a pixel.

import { mostReadyOf, profileBuckets, profileOf } from '../model/ribbon';
import type { RunTable } from '../model/run-table';
import { type TimeFolds, unfolded } from '../model/time-folds';
import { bucketWidth, type TimeScale } from '../model/time-scale';

/** Numbers of tasks from each moment on, up to the next. */
export interface RibbonSteps {
  readonly atNs: Float64Array;
  readonly ready: Float64Array;
  readonly moving: Float64Array;
  readonly running: Float64Array;
  readonly length: number;
  /** Greatest number of ready tasks in the whole run, at least 1. */
  readonly mostReady: number;
}

/** Up to so many rows every step is painted; beyond, there are more steps than px. */
const EXACT_ROWS = 400;
/** Up to so many rows the greatest is exact; beyond, sorting every moment for each version would cost too much. */
const EXACT_MOST_ROWS = 20_000;
/** Buckets over the whole run in which the greatest is looked for. */
const OVERVIEW = 512;

/** Keeps the steps of the last version and scale. Owned by its stage. */
export class RibbonCache {
  #key = '';
  #steps: RibbonSteps | null = null;
  #folds = unfolded;

  of(table: RunTable, scale: TimeScale, endNs: number, folds = unfolded): RibbonSteps {
    const isExact = table.rows <= EXACT_ROWS;
    const view = isExact ? '' : `${scale.fromNs},${scale.toNs},${scale.nsPerPx},${endNs}`;
    const key = `${table.version},${table.rows},${view}`;
    if (this.#steps && key === this.#key && folds === this.#folds) return this.#steps;
    this.#key = key;
    this.#folds = folds;
    this.#steps = isExact ? exactSteps(table) : gatheredSteps(table, scale, endNs, folds);
    return this.#steps;
  }
}

function exactSteps(table: RunTable): RibbonSteps {
  const { atNs, ready, moving, running } = profileOf(table);
  return { atNs, ready, moving, running, length: atNs.length, mostReady: greatest(ready) };
}

function gatheredSteps(table: RunTable, scale: TimeScale, endNs: number, folds: TimeFolds): RibbonSteps {
  const stepNs = bucketWidth(scale.nsPerPx);
  const fromNs = Math.floor(folds.shown(Math.max(0, scale.fromNs)) / stepNs) * stepNs;
  const count = Math.max(1, Math.ceil((folds.shown(Math.min(scale.toNs, endNs)) - fromNs) / stepNs));
  const { ready, moving, running } = profileBuckets(table, fromNs, stepNs, count, endNs, folds);
  const atNs = Float64Array.from({ length: count }, (_, i) => folds.real(fromNs + i * stepNs));
  return { atNs, ready, moving, running, length: count, mostReady: mostReady(table, endNs) };
}

function mostReady(table: RunTable, endNs: number): number {
  if (table.rows <= EXACT_MOST_ROWS) return Math.max(1, mostReadyOf(table));
  return greatest(profileBuckets(table, 0, Math.max(1, endNs / OVERVIEW), OVERVIEW, endNs).ready);
}

function greatest(values: Float64Array): number {
  let most = 1;
  for (const value of values) most = Math.max(most, value);
  return Math.ceil(most);
}
