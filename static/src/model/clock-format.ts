// Moments as text, by the one clock that a reader has chosen for all pages.

import { NO_VALUE, offset } from './format';

/** Run-relative, the browser's time zone, or UTC. */
export const clocks = ['relative', 'local', 'utc'] as const;

export type Clock = (typeof clocks)[number];

export function isClock(name: string | null): name is Clock {
  return clocks.some((clock) => clock === name);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly ms: number;
}

function partsOf(epochMs: number, clock: Clock): Parts {
  const at = new Date(epochMs);
  if (clock === 'local') {
    return {
      year: at.getFullYear(),
      month: at.getMonth(),
      day: at.getDate(),
      hours: at.getHours(),
      minutes: at.getMinutes(),
      seconds: at.getSeconds(),
      ms: at.getMilliseconds(),
    };
  }
  return {
    year: at.getUTCFullYear(),
    month: at.getUTCMonth(),
    day: at.getUTCDate(),
    hours: at.getUTCHours(),
    minutes: at.getUTCMinutes(),
    seconds: at.getUTCSeconds(),
    ms: at.getUTCMilliseconds(),
  };
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

/** A date and time of day: 22 Nov 2026 04:12:08 UTC. A run-relative clock has no dates: then it is that of UTC. */
export function dateText(instant: string | number | null, clock: Clock): string {
  const epochMs = typeof instant === 'string' ? Date.parse(instant) : (instant ?? NaN);
  if (Number.isNaN(epochMs)) return NO_VALUE;
  const p = partsOf(epochMs, clock);
  const zone = clock === 'local' ? '' : '\u00a0UTC';
  return `${p.day} ${MONTHS[p.month]!} ${p.year} ${two(p.hours)}:${two(p.minutes)}:${two(p.seconds)}${zone}`;
}

/**
 * A moment of a run: +13.40 s, or the time of day 04:12:21.40. startMs is when the run started, in ms since 1970; spanNs
 * its length, which decides the places.
 */
export function momentText(atNs: number, startMs: number, clock: Clock, spanNs = Infinity): string {
  if (clock === 'relative') return offset(atNs, spanNs);
  const epochMs = startMs + atNs / 1e6;
  if (!Number.isFinite(epochMs)) return NO_VALUE;
  const p = partsOf(Math.floor(epochMs), clock);
  const places = spanNs < 1e9 ? String(p.ms).padStart(3, '0') : two(Math.floor(p.ms / 10));
  return `${two(p.hours)}:${two(p.minutes)}:${two(p.seconds)}.${places}`;
}
