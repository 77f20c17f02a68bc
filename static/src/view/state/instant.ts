// Instants and ages where they are short of room; model/clock-format writes them out.

import type { Clock } from '../../model/clock-format';

const formats = new Map<string, Intl.DateTimeFormat>();

const shapes = {
  time: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { day: 'numeric', month: 'short' },
  date: { day: 'numeric', month: 'short', year: 'numeric' },
} as const;

/** Run-relative pages have no dates of their own; there they are UTC, as in model/clock-format. */
function formatOf(clock: Clock, shape: keyof typeof shapes): Intl.DateTimeFormat {
  const zone = clock === 'local' ? 'local' : 'utc';
  let made = formats.get(zone + shape);
  if (made === undefined) {
    made = new Intl.DateTimeFormat('en-GB', { ...shapes[shape], ...(zone === 'utc' ? { timeZone: 'UTC' } : {}) });
    formats.set(zone + shape, made);
  }
  return made;
}

const HALF_YEAR_MS = 183 * 86_400_000;

/** '22 Nov, 04:12'; what lies half a year away has its year instead of a time of day: '10 May 2023'. */
export function shortInstant(iso: string, clock: Clock, nowMs: number): string {
  const far = Math.abs(nowMs - Date.parse(iso)) > HALF_YEAR_MS;
  return formatOf(clock, far ? 'date' : 'time').format(new Date(iso));
}

/** '22 Nov'. */
export function shortDay(iso: string, clock: Clock): string {
  return formatOf(clock, 'day').format(new Date(iso));
}

/** So far ahead a moment may seem while the clock of the service is known to a second only. */
const AHEAD_MS = 2000;

/** How long ago, in one unit, for a column of ages: '21 s', '12 min', '5 h', '3 d', '2 y'; of what lies ahead: 'in 5 h'. */
export function shortAge(iso: string, nowMs: number): string {
  const agoMs = nowMs - Date.parse(iso);
  return agoMs < -AHEAD_MS ? `in\u00a0${inOneUnit(-agoMs)}` : inOneUnit(Math.max(0, agoMs));
}

function inOneUnit(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}\u00a0h`;
  const days = Math.floor(seconds / 86400);
  return days < 730 ? `${days}\u00a0d` : `${Math.floor(days / 365.25)}\u00a0y`;
}
