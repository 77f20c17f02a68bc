// From moments to pixels where gaps are folded.

import type { TimeFolds } from './time-folds';
import { tickStep, TimeScale, type Ticks } from './time-scale';

/** A scale that is linear in shown time; its moments are real ones. Apart from folds it is what a TimeScale is. */
export class FoldedScale extends TimeScale {
  readonly #folds: TimeFolds;
  readonly #shown: TimeScale;

  constructor(fromNs: number, toNs: number, leftPx: number, rightPx: number, folds: TimeFolds) {
    super(fromNs, toNs, leftPx, rightPx);
    this.#folds = folds;
    this.#shown = new TimeScale(folds.shown(this.fromNs), folds.shown(this.toNs), leftPx, rightPx);
  }

  /** Of work; within a gap a px is longer. */
  override get nsPerPx(): number {
    return this.#shown.nsPerPx;
  }

  override px(ns: number): number {
    return this.#shown.px(this.#folds.shown(ns));
  }

  override ns(px: number): number {
    return this.#folds.real(this.#shown.ns(px));
  }

  override zoom(factor: number, atPx: number): TimeScale {
    return this.#of(this.#shown.zoom(factor, atPx));
  }

  override pan(dPx: number): TimeScale {
    return this.#of(this.#shown.pan(dPx));
  }

  /** None within a gap, which has a label of its own. */
  override ticks(leastPx: number, offsetNs = 0): Ticks {
    const stepNs = tickStep(leastPx * this.nsPerPx);
    const atNs: number[] = [];
    let fromNs = this.fromNs;
    for (const gap of [...this.#folds.gaps, { fromNs: Infinity, toNs: Infinity }]) {
      const last = Math.floor((Math.min(gap.fromNs, this.toNs) + offsetNs) / stepNs);
      for (let i = Math.ceil((fromNs + offsetNs) / stepNs); i <= last; i++) {
        const ns = i * stepNs - offsetNs;
        const before = atNs.at(-1);
        if (before === undefined || this.px(ns) - this.px(before) >= leastPx) atNs.push(ns);
      }
      fromNs = Math.max(fromNs, gap.toNs);
    }
    return { stepNs, atNs };
  }

  #of(shown: TimeScale): FoldedScale {
    const [fromNs, toNs] = [this.#folds.real(shown.fromNs), this.#folds.real(shown.toNs)];
    return new FoldedScale(fromNs, toNs, this.leftPx, this.rightPx, this.#folds);
  }
}
