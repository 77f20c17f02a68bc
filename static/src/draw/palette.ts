// The colours of tokens.css as canvases need them: resolved for the theme, as #rrggbb.

import { taskStates, type TaskState } from '../model/task-state';
import type { IconName } from './icons';

/** Roles of tokens.css, read once per theme. Arrays by state are indexed by the number of the state (stateNumber). */
export interface Palette {
  readonly bg: string;
  readonly surface: string;
  readonly sunken: string;
  readonly line: string;
  readonly lineStrong: string;
  readonly grid: string;
  readonly ink: string;
  readonly ink2: string;
  readonly ink3: string;
  readonly inkOn: string;
  readonly accent: string;
  readonly focus: string;
  /** More than before, slower. */
  readonly more: string;
  /** Opacity of what lies after the playhead. */
  readonly future: number;
  readonly fontUi: string;
  readonly mark: readonly string[];
  readonly soft: readonly string[];
  readonly stateInk: readonly string[];
  readonly phase: PhaseColours;
  /** The quiet cut: attempts that ended before the playhead. */
  readonly phasePast: PhaseColours;
  /** Twelve hues of functions, their quiet cut, and the ink to write on each. */
  readonly functions: readonly string[];
  readonly functionsQuiet: readonly string[];
  /** Magnitude, light to dark on a light ground, and the ink to write on each. */
  readonly magnitude: readonly string[];
  readonly onMagnitude: readonly string[];
  /** By step of a ratio, from much shorter to much longer, then what has none; and the ink to write on each. */
  readonly ratio: readonly string[];
  readonly onRatio: readonly string[];
}

export interface PhaseColours {
  readonly ready: string;
  readonly wait: string;
  readonly fetching: string;
  readonly running: string;
  readonly storing: string;
  readonly update: string;
}

/** What a missing token is painted as, so that it is not overlooked. */
const MISSING = 'hotpink';

/** How much of a colour its quiet cut keeps; the rest is ground. */
const QUIET = 0.4;

const FONT = '--font-ui';
const FUNCTION_HUES = 12;
const MAGNITUDES = 7;
const RATIOS = 9;

/** The token that a state is drawn with; lost shares the hollow grey of skipped and differs by its silhouette. */
export function stateToken(state: TaskState): string {
  return state === 'lost' ? 'skipped' : state.replace(' ', '-');
}

/** The token of an icon: states of runs that tasks do not have borrow the nearest. */
export function iconToken(name: IconName): string {
  switch (name) {
    case 'queued':
      return 'pending';
    case 'paused':
      return 'ready';
    case 'interrupted':
      return 'cancelled';
    default:
      return stateToken(name);
  }
}

/** Reads the value of a custom property; '' for one that is not set. */
interface TokenReader {
  getPropertyValue(name: string): string;
}

/**
 * Registers every role of the palette as a colour, once, before the first palette is read. The computed value of a
 * registered property is the colour of the theme in force; that of any other is its text, light-dark() included.
 */
export function registerRoles(register: (role: PropertyDefinition) => void): void {
  const names = new Set<string>();
  readPalette({ getPropertyValue: (name) => (names.add(name), '') });
  names.delete(FONT);
  for (const name of names) register({ name, syntax: '<color>', inherits: true, initialValue: MISSING });
}

/** Reads the roles out of a computed style; freeze and hand in, never read a token while painting. */
export function readPalette(style: TokenReader): Palette {
  const read = (name: string): string => hexadecimal(style.getPropertyValue(`--${name}`).trim()) || MISSING;
  const states = (suffix: string): string[] => taskStates.map((state) => read(`st-${stateToken(state)}${suffix}`));
  const numbered = (name: string, n: number): string[] => Array.from({ length: n }, (_, i) => read(`${name}-${i}`));
  const surface = read('surface');
  const functions = numbered('fn', FUNCTION_HUES);
  const magnitude = numbered('mag', MAGNITUDES);
  const ratio = numbered('ratio', RATIOS);
  const ink = read('ink');
  const inkOn = read('ink-on');
  return Object.freeze({
    ...readNeutrals(read),
    surface,
    ink,
    inkOn,
    future: alphaOf(style.getPropertyValue('--future')),
    fontUi: style.getPropertyValue(FONT).trim() || 'sans-serif',
    mark: Object.freeze(states('')),
    soft: Object.freeze(states('-soft')),
    stateInk: Object.freeze(states('-ink')),
    phase: readPhases(read, ''),
    phasePast: readPhases(read, '-past'),
    functions: Object.freeze(functions),
    functionsQuiet: Object.freeze(functions.map((colour) => mixColours(colour, surface, QUIET))),
    magnitude: Object.freeze(magnitude),
    onMagnitude: Object.freeze(magnitude.map((colour) => readableOn(colour, ink, inkOn))),
    ratio: Object.freeze(ratio),
    onRatio: Object.freeze(ratio.map((colour) => readableOn(colour, ink, inkOn))),
  });
}

function readNeutrals(read: (name: string) => string) {
  return {
    bg: read('bg'),
    sunken: read('sunken'),
    line: read('line'),
    lineStrong: read('line-strong'),
    grid: read('grid'),
    ink2: read('ink-2'),
    ink3: read('ink-3'),
    accent: read('accent'),
    focus: read('focus'),
    more: read('more'),
  };
}

function readPhases(read: (name: string) => string, suffix: string): PhaseColours {
  return Object.freeze({
    ready: read(`st-ready${suffix}`),
    wait: read(`ph-wait${suffix}`),
    fetching: read(`st-fetching${suffix}`),
    running: read(`st-running${suffix}`),
    storing: read(`st-storing${suffix}`),
    update: read(`ph-update${suffix}`),
  });
}

const RGB = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+))?\s*\)$/;

/** An opaque rgb() as #rrggbb: computed colours are written so, and canvases compare and mix them. Others as they are. */
function hexadecimal(colour: string): string {
  const parts = RGB.exec(colour);
  if (!parts || parts[4] !== undefined) return colour;
  return `#${parts
    .slice(1, 4)
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')}`;
}

/** Opacity of a colour written as rgb() or #rrggbbaa; 1 where it names none. */
function alphaOf(colour: string): number {
  const alpha = RGB.exec(colour.trim())?.[4];
  if (alpha !== undefined) return Number(alpha);
  const eighth = /^#[0-9a-f]{6}([0-9a-f]{2})$/i.exec(colour.trim())?.[1];
  return eighth === undefined ? 1 : Math.round((Number.parseInt(eighth, 16) / 255) * 100) / 100;
}

/** Red, green and blue of #rgb or #rrggbb, else null. */
function channels(colour: string): readonly number[] | null {
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (long) return long.slice(1).map((part) => Number.parseInt(part, 16));
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(colour);
  return short ? short.slice(1).map((part) => Number.parseInt(part + part, 16)) : null;
}

/** share of a over b; a itself when one of them is not written in hexadecimal. */
export function mixColours(a: string, b: string, share: number): string {
  const over = channels(a);
  const under = channels(b);
  if (!over || !under) return a;
  return `rgb(${over.map((value, i) => Math.round(value * share + (under[i] ?? 0) * (1 - share))).join(',')})`;
}

/** Relative luminance as WCAG 2 defines it. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (channels(colour) ?? [128, 128, 128]).map((value) => {
    const unit = value / 255;
    return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const la = luminance(a);
  const lb = luminance(b);
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

/** Whichever of two inks has more contrast on a colour. */
function readableOn(colour: string, ink: string, other: string): string {
  return contrast(colour, ink) >= contrast(colour, other) ? ink : other;
}
