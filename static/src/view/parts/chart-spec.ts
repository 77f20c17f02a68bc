// What a chart shows, as data: axes, series, bands, rules. Chart.svelte draws it; colours are roles, never literals.

/** Roles of tokens.css that a chart paints with. */
export type ChartColour = 'ink' | 'ink-3' | 'accent' | 'more' | 'line' | 'bars' | 'band' | 'counts';

export interface ChartAxis {
  /** Of x: values are seconds since 1970 for time. */
  readonly kind: 'linear' | 'log' | 'time';
  readonly range?: readonly [low: number, high: number];
  /** Where ticks are; the chart chooses where it is left out. */
  readonly ticks?: readonly number[];
  readonly format: (value: number) => string;
}

/** One y value for each x; null is a gap. */
export interface ChartSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly colour: ChartColour;
  /**
   * `bars` reach from x to the `ends` of the chart; `points` are a line with a dot at each value; `steps` hold each value
   * until the next; `hidden` edges a band.
   */
  readonly mark: 'line' | 'steps' | 'points' | 'bars' | 'hidden';
  readonly widthPx?: number;
  readonly dashed?: boolean;
  /** Written at the last value. */
  readonly name?: string;
}

/** A vertical rule with a word next to it. */
export interface ChartRule {
  readonly x: number;
  readonly text: string;
  readonly colour: ChartColour;
  readonly dashed?: boolean;
}

/** A ring around a value that is worth a look. */
export interface ChartRing {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface ChartSpec {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly xs: readonly number[];
  /** Right ends of bars, one for each x. */
  readonly ends?: readonly number[];
  readonly series: readonly ChartSeries[];
  /** Indexes of the two series that a band lies between: the upper one first. */
  readonly band?: readonly [upper: number, lower: number];
  readonly rules?: readonly ChartRule[];
  readonly rings?: readonly ChartRing[];
  /** What is under the pointer, as one line of text, by index of x. */
  readonly readout?: (index: number) => string;
}

/** Ticks of a logarithmic axis: powers of ten, with 2 and 5 between, or evenly where there are fewer than three. */
export function logTicks(low: number, high: number): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const ticks = (steps: readonly number[]): number[] => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) {
        const tick = step * 10 ** power;
        if (tick >= low && tick <= high) found.push(tick);
      }
    }
    return found;
  };
  const tens = ticks([1]);
  if (tens.length >= 3) return tens;
  const fine = ticks([1, 2, 5]);
  return fine.length >= 3 ? fine : evenTicks(low, high, 4);
}

/** Ticks of a linear axis from 0, about so many, in steps of 1, 2 or 5 times a power of ten. */
export function linearTicks(high: number, about = 5): number[] {
  return high > 0 ? evenTicks(0, high, about) : [0];
}

function evenTicks(low: number, high: number, about: number): number[] {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}
