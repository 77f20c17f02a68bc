// What colours mean at the moment: one thing at a time, in the graph and in the lanes.

import type { Palette } from './palette';

export type ColourMode = 'state' | 'function' | 'worker' | 'rank';

/** How tasks are coloured. A plain object: replace it to change it. */
export interface NodeColours {
  readonly mode: ColourMode;
  /** For each function of the graph, the number of its hue. */
  readonly functions: readonly number[];
  /** For each worker, the number of its hue. */
  readonly workers: readonly number[];
  /** Where the last attempt of a task lies in the past of its function, 0 to 1; NaN = not known. */
  rank(node: number): number;
}

/** Upper ends of the steps of the magnitude ramp, after its first: below p25, p50, p75, p90, p97.5, above. */
const RANK_STEPS = [0.25, 0.5, 0.75, 0.9, 0.975] as const;

/** Step of the magnitude ramp for a rank, from 1. */
export function rankStep(rank: number): number {
  let step = 1;
  for (const end of RANK_STEPS) if (rank >= end) step++;
  return step;
}

/** Colour of a task that has been claimed, in any mode but state, and the ink to write on it. */
export interface TaskColour {
  readonly full: string;
  readonly quiet: string;
  readonly onFull: string;
  readonly onQuiet: string;
}

/** The colours of a task in the modes function, worker and rank; null where nothing is known to colour by. */
export function taskColour(
  colours: NodeColours,
  palette: Palette,
  fn: number,
  worker: number,
  node: number,
): TaskColour | null {
  if (colours.mode === 'rank') return rankColour(palette, colours.rank(node));
  const hue = colours.mode === 'worker' ? colours.workers[worker] : colours.functions[fn];
  if (hue === undefined) return null;
  const full = palette.functions[hue % palette.functions.length] ?? palette.lineStrong;
  const quiet = palette.functionsQuiet[hue % palette.functions.length] ?? palette.line;
  return { full, quiet, onFull: palette.inkOn, onQuiet: palette.ink };
}

function rankColour(palette: Palette, rank: number): TaskColour | null {
  if (Number.isNaN(rank)) return null;
  const step = rankStep(rank);
  const full = palette.magnitude[step] ?? palette.lineStrong;
  const on = palette.onMagnitude[step] ?? palette.ink;
  return { full, quiet: full, onFull: on, onQuiet: on };
}
