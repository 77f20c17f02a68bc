// From moments to pixels and back.

/**
 * A linear scale from ns since run start to CSS px. Immutable: pan and zoom return another one. px and ns are inverses,
 * and zooming keeps the moment under the pointer.
 */
export class TimeScale {
  /** The moment at leftPx, and the one at rightPx. */
  readonly fromNs: number;
  readonly toNs: number;
  readonly leftPx: number;
  readonly rightPx: number;

  /** A window shorter than its own rounding error is made longer. */
  constructor(fromNs: number, toNs: number, leftPx: number, rightPx: number) {
    this.fromNs = fromNs;
    this.toNs = Math.max(toNs, fromNs + MIN_SPAN_NS);
    this.leftPx = leftPx;
    this.rightPx = Math.max(rightPx, leftPx + 1);
  }

  get nsPerPx(): number {
    return (this.toNs - this.fromNs) / (this.rightPx - this.leftPx);
  }

  px(ns: number): number {
    return this.leftPx + (ns - this.fromNs) / this.nsPerPx;
  }

  ns(px: number): number {
    return this.fromNs + (px - this.leftPx) * this.nsPerPx;
  }

  /** Shows factor times as much detail around a pixel, which keeps its moment; less where that would be too fine. */
  zoom(factor: number, atPx: number): TimeScale {
    const f = Math.min(factor, (this.toNs - this.fromNs) / MIN_SPAN_NS);
    const atNs = this.ns(atPx);
    return new TimeScale(atNs - (atNs - this.fromNs) / f, atNs + (this.toNs - atNs) / f, this.leftPx, this.rightPx);
  }

  /** Moves the content by a number of pixels to the right. */
  pan(dPx: number): TimeScale {
    const dNs = dPx * this.nsPerPx;
    return new TimeScale(this.fromNs - dNs, this.toNs - dNs, this.leftPx, this.rightPx);
  }

  /**
   * Moments for axis labels at least so far apart, ascending, with the step between them. offsetNs is what a clock shows at
   * the run's start: its moments are round by that clock.
   */
  ticks(leastPx: number, offsetNs = 0): Ticks {
    const stepNs = tickStep(leastPx * this.nsPerPx);
    const atNs: number[] = [];
    const last = Math.floor((this.toNs + offsetNs) / stepNs);
    for (let i = Math.ceil((this.fromNs + offsetNs) / stepNs); i <= last; i++) atNs.push(i * stepNs - offsetNs);
    return { stepNs, atNs };
  }
}

export interface Ticks {
  readonly stepNs: number;
  readonly atNs: readonly number[];
}

/** Least span: moments are whole ns and below 2^53, so finer detail would show rounding, not time. */
const MIN_SPAN_NS = 1_000;

const SECOND = 1e9;
/** Steps of labels in seconds from one on; below, 1, 2 and 5 of each power of ten. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** The least round step between labels that is at least so long. */
export function tickStep(leastNs: number): number {
  if (leastNs >= SECOND) {
    const step = STEPS_S.find((s) => s * SECOND >= leastNs);
    return (step ?? 86400 * Math.ceil(leastNs / SECOND / 86400)) * SECOND;
  }
  let power = 1;
  while (power * 10 <= leastNs) power *= 10;
  const step = [1, 2, 5].find((m) => m * power >= leastNs) ?? 10;
  return step * power;
}

/** Zoom factor of a turn of the wheel: opposite turns cancel out, whatever their steps. */
export function wheelZoom(deltaPx: number): number {
  return Math.exp(-deltaPx / 400); // one notch of 100 px is 1.28, ten notches a factor of 12
}

/** The least power of two ns that is at least this long: buckets of such a width keep their edges while panning. */
export function bucketWidth(leastNs: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(leastNs, 1))));
}
