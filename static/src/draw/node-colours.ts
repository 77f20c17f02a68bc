// What colours mean at the moment: one thing at a time, in the graph and in the lanes.

import type { ColourMode } from '../model/url-state';
import { NO_STEP, ratioProminence } from '../model/colour-steps';
import type { Palette } from './palette';

/** How tasks are coloured. A plain object: replace it to change it. */
export interface NodeColours {
  readonly mode: ColourMode;
  /** For each function of the graph, the number of its hue. */
  readonly functions: readonly number[];
  /** For each worker, the number of its hue. */
  readonly workers: readonly number[];
  /** Step of the ramp that the last attempt of a task has, in the modes that show how much of something it has. */
  step(node: number): number;
}

const magnitudes: ReadonlySet<ColourMode> = new Set(['rank', 'duration', 'cpu', 'memory', 'slack', 'ratio']);

/** Colours show how much of something a task has, on one ramp. */
export function isMagnitude(mode: ColourMode): boolean {
  return magnitudes.has(mode);
}

/** Colours by step, and the ink to write on each. */
interface Ramp {
  readonly fill: readonly string[];
  readonly ink: readonly string[];
}

/** The ramp of a mode that shows how much of something a task has. */
export function rampOf(mode: ColourMode, palette: Palette): Ramp {
  return mode === 'ratio'
    ? { fill: palette.ratio, ink: palette.onRatio }
    : { fill: palette.magnitude, ink: palette.onMagnitude };
}

/** How much the step of a task stands out among others; 0 where colours are not of steps. */
export function prominence(colours: NodeColours, node: number): number {
  if (!isMagnitude(colours.mode)) return NO_STEP;
  const step = colours.step(node);
  return colours.mode === 'ratio' ? ratioProminence(step) : step;
}

/** Colour of a task that has been claimed, in any mode but state, and the ink to write on it. */
export interface TaskColour {
  readonly full: string;
  readonly quiet: string;
  readonly onFull: string;
  readonly onQuiet: string;
}

/** The colours of a task in any mode but state; null where nothing is known to colour by. */
export function taskColour(
  colours: NodeColours,
  palette: Palette,
  fn: number,
  worker: number,
  node: number,
): TaskColour | null {
  if (isMagnitude(colours.mode)) return stepColour(palette, colours.mode, colours.step(node));
  const hue = colours.mode === 'worker' ? colours.workers[worker] : colours.functions[fn];
  if (hue === undefined) return null;
  const full = palette.functions[hue % palette.functions.length] ?? palette.lineStrong;
  const quiet = palette.functionsQuiet[hue % palette.functions.length] ?? palette.line;
  return { full, quiet, onFull: palette.inkOn, onQuiet: palette.ink };
}

/** The colours of a step of a mode's ramp; null where nothing is known. */
export function stepColour(palette: Palette, mode: ColourMode, step: number): TaskColour | null {
  if (step === NO_STEP) return null;
  const ramp = rampOf(mode, palette);
  const full = ramp.fill[step] ?? palette.lineStrong;
  const on = ramp.ink[step] ?? palette.ink;
  return { full, quiet: full, onFull: on, onQuiet: on };
}
