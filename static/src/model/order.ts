// Bisection and sorted orders over columns, without an object per row.

/** First index whose key is greater than at; keys ascend. Their number where there is none. */
export function firstAfter(keys: Float64Array, at: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** First index whose key is at least at; keys ascend. Their number where there is none. */
export function firstFrom(keys: Float64Array, at: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! >= at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** From so many keys on, counting digits beats comparing, unless they are in a few stretches that ascend already. */
const MANY = 4096;
const FEW_STRETCHES = 16;

/** Indexes of keys in ascending order, equal ones in the order in which they stand. No key may be NaN. */
export function ascendingOrder(keys: Float64Array): Uint32Array {
  const ends = ascendingRuns(keys);
  return keys.length < MANY || ends.length <= FEW_STRETCHES ? mergeOrder(keys, ends) : radixOrder(keys);
}

const DIGITS = 4;
const DIGIT_VALUES = 0x10000;

/**
 * Least significant digit first, with digits of 16 bits of the floats as they stand in memory: positive ones are in
 * their order there, negative ones in the opposite one, so their bits are turned. A sort with a comparator takes ten
 * times as long, which 500,000 moments of a large run would show.
 */
function radixOrder(keys: Float64Array): Uint32Array {
  const digits = digitsOf(keys);
  const counts = new Uint32Array(DIGITS * DIGIT_VALUES);
  for (let i = 0; i < digits.length; i++) counts[(i & 3) * DIGIT_VALUES + digits[i]!]!++;
  let from: Uint32Array = new Uint32Array(keys.length);
  for (let i = 0; i < from.length; i++) from[i] = i;
  let to: Uint32Array = new Uint32Array(keys.length);
  for (let digit = 0; digit < DIGITS; digit++) {
    const next = counts.subarray(digit * DIGIT_VALUES, (digit + 1) * DIGIT_VALUES);
    if (next[digits[digit]!] === keys.length) continue; // all alike: of whole numbers, the lowest digits mostly are
    let start = 0;
    for (let value = 0; value < DIGIT_VALUES; value++) {
      const count = next[value]!;
      next[value] = start;
      start += count;
    }
    for (let i = 0; i < from.length; i++) {
      const key = from[i]!;
      to[next[digits[4 * key + digit]!]!++] = key;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Four digits of each key, the lowest first, ordered as the keys are. */
function digitsOf(keys: Float64Array): Uint16Array {
  const own = new Float64Array(keys.length);
  for (let i = 0; i < own.length; i++) own[i] = keys[i]! + 0; // so that there is but one zero
  const digits = new Uint16Array(own.buffer); // of little-endian machines, as all are that run a browser
  for (let i = 0; i < digits.length; i += DIGITS) {
    const isNegative = digits[i + 3]! >= 0x8000;
    digits[i + 3]! ^= isNegative ? 0xffff : 0x8000;
    if (!isNegative) continue;
    for (let k = 0; k < 3; k++) digits[i + k]! ^= 0xffff;
  }
  return digits;
}

/** A natural merge sort of stretches that ascend: nothing to do for what is in order already, as logs mostly are. */
function mergeOrder(keys: Float64Array, stretches: readonly number[]): Uint32Array {
  let from: Uint32Array = new Uint32Array(keys.length);
  for (let i = 0; i < from.length; i++) from[i] = i;
  let ends = stretches;
  let to: Uint32Array = new Uint32Array(keys.length);
  while (ends.length > 1) {
    const merged: number[] = [];
    let start = 0;
    for (let i = 0; i < ends.length; i += 2) {
      const middle = ends[i]!;
      const end = ends[i + 1] ?? middle;
      mergeRuns(keys, from, to, start, middle, end);
      merged.push(end);
      start = end;
    }
    [from, to] = [to, from];
    ends = merged;
  }
  return from;
}

/** Ends of the stretches of keys that ascend as they stand. */
function ascendingRuns(keys: Float64Array): number[] {
  const ends: number[] = [];
  for (let i = 1; i < keys.length; i++) if (keys[i]! < keys[i - 1]!) ends.push(i);
  if (keys.length > 0) ends.push(keys.length);
  return ends;
}

function mergeRuns(
  keys: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    const takeLeft = right >= end || (left < middle && keys[from[left]!]! <= keys[from[right]!]!);
    to[i] = takeLeft ? from[left++]! : from[right++]!;
  }
}

/** The values at some places, in their order: values[order[0]], values[order[1]] … */
export function picked(values: Float64Array, places: Uint32Array): Float64Array {
  const out = new Float64Array(places.length);
  for (let i = 0; i < out.length; i++) out[i] = values[places[i]!]!;
  return out;
}
