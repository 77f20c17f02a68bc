// The shape of a run, word-sized: how many slots moved bytes and how many executed, over time.

/** What GET /runs/{run}/timeline answers, as far as the shape needs it. */
export interface SlotsOverTime {
  readonly slots: number;
  readonly moving: readonly number[];
  readonly running: readonly number[];
}

/** SVG paths within widthPx × heightPx: executing slots, and those that move bytes stacked upon them. */
export interface SlotsShape {
  readonly running: string;
  readonly busy: string;
}

/** Buckets as steps; `share` is how much of the width the data takes (a live run has more to come). */
export function slotsShape(data: SlotsOverTime, widthPx: number, heightPx: number, share = 1): SlotsShape {
  const slots = Math.max(1, data.slots, ...data.running.map((running, i) => running + (data.moving[i] ?? 0)));
  const count = Math.max(1, data.running.length);
  const x = (bucket: number): string => ((bucket / count) * widthPx * share).toFixed(1);
  const y = (value: number): string => (heightPx - (value / slots) * (heightPx - 1)).toFixed(1);
  const path = (value: (bucket: number) => number): string => {
    let d = `M0 ${heightPx}`;
    for (let i = 0; i < data.running.length; i++) d += `L${x(i)} ${y(value(i))}H${x(i + 1)}`;
    return `${d}V${heightPx}Z`;
  };
  return {
    running: path((i) => data.running[i]!),
    busy: path((i) => data.running[i]! + (data.moving[i] ?? 0)),
  };
}
