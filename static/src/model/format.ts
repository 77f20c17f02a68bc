// Numbers as text: three figures, one unit, a dash where there is no value.

/** A number as it is shown; figures and units stand in columns of their own. */
export interface Quantity {
  readonly figure: string;
  /** Empty where the figure carries its units: 3m 01s. */
  readonly unit: string;
}

export const NO_VALUE = '–';
const SPACE = '\u00a0';
const MINUS = '−';
const US = 1e3;
const MS = 1e6;
const S = 1e9;
const MINUTE = 60 * S;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const none: Quantity = { figure: NO_VALUE, unit: '' };

/** A duration: 45.4 s, 1.62 s, 868 ms, 21.3 ms, 1.06 µs, whole ns, and from a minute on two units: 3m 01s. */
export function duration(ns: number): Quantity {
  if (!Number.isFinite(ns)) return none;
  if (ns < 0) {
    const { figure, unit } = duration(-ns);
    return { figure: MINUS + figure, unit };
  }
  if (ns === 0) return { figure: '0', unit: 's' };
  if (ns < 0.9995 * US) return { figure: ns.toFixed(0), unit: 'ns' };
  // With fewer than three figures adjacent rows of a sorted table would look equal.
  if (ns < 0.9995 * MS) return { figure: threeFigures(ns / US), unit: 'µs' };
  if (ns < 0.9995 * S) return { figure: threeFigures(ns / MS), unit: 'ms' };
  if (ns < 59.95 * S) return { figure: threeFigures(ns / S), unit: 's' };
  return { figure: twoUnits(ns), unit: '' };
}

/** Whole days, hours and minutes are set by people, never measured; they have one unit: 1d, not 1d 00h. */
function twoUnits(ns: number): string {
  if (ns % DAY === 0) return `${count(ns / DAY)}d`;
  if (ns < DAY && ns % HOUR === 0) return `${ns / HOUR}h`;
  if (ns < HOUR && ns % MINUTE === 0) return `${ns / MINUTE}m`;
  const seconds = Math.round(ns / S);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${SPACE}${two(seconds % 60)}s`;
  const minutes = Math.round(ns / MINUTE);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${SPACE}${two(minutes % 60)}m`;
  const hours = Math.round(ns / HOUR);
  return `${count(Math.floor(hours / 24))}d${SPACE}${two(hours % 24)}h`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

export function quantityText(quantity: Quantity): string {
  return quantity.unit === '' ? quantity.figure : quantity.figure + SPACE + quantity.unit;
}

export function durationText(ns: number): string {
  return quantityText(duration(ns));
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size in three figures: 312 B, 35.0 KiB, 2.01 GiB. */
export function bytes(size: number): Quantity {
  if (!Number.isFinite(size)) return none;
  let value = Math.abs(size);
  let unit = 0;
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const figure = unit === 0 ? value.toFixed(0) : threeFigures(value);
  return { figure: (size < 0 ? MINUS : '') + figure, unit: BYTE_UNITS[unit]! };
}

export function bytesText(size: number): string {
  return quantityText(bytes(size));
}

/** Bytes by the second: 2.50 MiB/s. */
export function rate(bytesPerSecond: number): Quantity {
  const { figure, unit } = bytes(bytesPerSecond);
  return { figure, unit: unit === '' ? '' : `${unit}/s` };
}

/** All digits, for what appears on hover: 2,158,000 B. */
export function exactBytesText(size: number): string {
  return Number.isFinite(size) ? `${count(size)}${SPACE}B` : NO_VALUE;
}

function threeFigures(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * A moment since the run's start: +13.40 s, from a minute on +3m 01.2s. Of runs shorter than a second, whose length is
 * given as spanNs, in ms or µs: all moments of one run have the same unit and as many places.
 */
export function offset(ns: number, spanNs = Infinity): string {
  if (!Number.isFinite(ns)) return NO_VALUE;
  const sign = ns < 0 ? MINUS : '+';
  const abs = Math.abs(ns);
  if (spanNs < MS) return `${sign}${(abs / US).toFixed(2)}${SPACE}µs`;
  if (spanNs < S) return `${sign}${(abs / MS).toFixed(2)}${SPACE}ms`;
  if (abs < 59.995 * S) return `${sign}${(abs / S).toFixed(2)}${SPACE}s`;
  if (abs < HOUR - 0.05 * S) {
    const tenths = Math.round(abs / (S / 10));
    return `${sign}${Math.floor(tenths / 600)}m${SPACE}${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}s`;
  }
  const seconds = Math.round(abs / S);
  return `${sign}${Math.floor(seconds / 3600)}h${SPACE}${two(Math.floor(seconds / 60) % 60)}m${SPACE}${two(seconds % 60)}s`;
}

/** The label of an axis tick: as many places as the step between ticks needs. */
export function tickText(ns: number, stepNs: number): string {
  if (ns === 0) return '0';
  const sign = ns < 0 ? MINUS : '+';
  const abs = Math.abs(ns);
  if (stepNs >= HOUR) return `${sign}${count(abs / HOUR)}${SPACE}h`;
  if (abs >= MINUTE && stepNs >= S) {
    const seconds = Math.round(abs / S);
    const rest = seconds % 60 === 0 ? '' : `${SPACE}${two(seconds % 60)}s`;
    return seconds < 3600
      ? `${sign}${Math.floor(seconds / 60)}m${rest}`
      : `${sign}${Math.floor(seconds / 3600)}h${SPACE}${two(Math.floor(seconds / 60) % 60)}m${rest}`;
  }
  const [unit, ns1] = stepNs >= 1e-3 * S && abs >= S ? ['s', S] : abs >= MS || stepNs >= MS ? ['ms', MS] : ['µs', US];
  const scaled = unit === 'ms' && abs >= S ? S : (ns1 as number);
  const places = Math.max(0, Math.ceil(-Math.log10(stepNs / scaled) - 1e-9));
  return `${sign}${(abs / scaled).toFixed(places)}${SPACE}${scaled === S ? 's' : unit}`;
}

/** A share: 97 %, < 1 %, > 99 %. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return NO_VALUE;
  if (share > 0 && share < 0.005) return `<${SPACE}1${SPACE}%`;
  if (share >= 0.995 && share < 1) return `>${SPACE}99${SPACE}%`;
  return `${(share * 100).toFixed(0)}${SPACE}%`;
}

/** A relative difference: +6.1 %, −0.4 %. */
export function signedPercent(share: number): string {
  if (!Number.isFinite(share)) return NO_VALUE;
  const abs = Math.abs(share * 100);
  const figure = abs >= 99.95 ? count(Math.round(abs)) : abs.toFixed(1);
  if (figure === '0.0') return `0${SPACE}%`;
  return `${share < 0 ? MINUS : '+'}${figure}${SPACE}%`;
}

/** A ratio: 2.2×, 14×. */
export function ratio(x: number): string {
  if (!Number.isFinite(x)) return NO_VALUE;
  return `${x >= 9.95 ? count(Math.round(x)) : x.toFixed(1)}×`;
}

/** A ratio where small differences count: 1.42×, 14×. */
export function factorText(factor: number): string {
  return factor < 9.995 ? `${factor.toFixed(2)}×` : ratio(factor);
}

/** A whole number: 1,720. */
export function count(n: number): string {
  if (!Number.isFinite(n)) return NO_VALUE;
  const digits = Math.abs(Math.round(n)).toString();
  return (n < 0 ? MINUS : '') + digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The same in little room, in three figures from a thousand on: 850, 5k, 18.3k, 1.25M. */
export function shortCount(n: number): string {
  if (!(Math.abs(n) >= 999.5)) return count(n);
  const [unit, size] = Math.abs(n) < 999_500 ? ['k', 1e3] : ['M', 1e6];
  const figure = threeFigures(Math.abs(n) / (size as number)).replace(/(\.\d*?)0+$/, '$1');
  return `${n < 0 ? MINUS : ''}${figure.replace(/\.$/, '')}${unit}`;
}

/** A number with its noun: 1 task, 12 tasks. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** 1st, 2nd, 3rd, 11th. */
export function ordinal(n: number): string {
  const teens = n % 100 > 10 && n % 100 < 14;
  const ending = teens ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${count(n)}${ending}`;
}

/** From so many on, a rank in words says less than a percentile. */
const MANY = 200;

/** Standing of one among others of which so many were slower: 2nd slowest of 41, fastest of 12, p98.1 of 1,720. */
export function rankText(slower: number, total: number): string {
  if (!(total > 1)) return NO_VALUE;
  if (total > MANY) return `p${(((total - slower - 1) / (total - 1)) * 100).toFixed(1)} of ${count(total)}`;
  const fromSlowest = slower + 1;
  const fromFastest = total - slower;
  const [rank, word] = fromSlowest <= fromFastest ? [fromSlowest, 'slowest'] : [fromFastest, 'fastest'];
  return `${rank === 1 ? word : `${ordinal(rank)} ${word}`} of ${count(total)}`;
}
