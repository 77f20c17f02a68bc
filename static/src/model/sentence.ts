// Pieces of the sentences that a run's page says about it.

import { count } from './format';
import type { GraphIndex } from './graph-index';
import { nameOf } from './task-names';

/** A piece of a sentence; a task is a link to it. */
export type Span =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'task'; readonly text: string; readonly node: number };

export function text(words: string): Span {
  return { kind: 'text', text: words };
}

export function task(index: GraphIndex, node: number): Span {
  return { kind: 'task', text: nameOf(index, node), node };
}

const NUMERALS = [
  'no',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];

/** A whole number as one says it: two, twelve, 1,024. */
export function numeral(n: number): string {
  return NUMERALS[n] ?? count(n);
}

/** A number of slots that changed: two where it did not, else 2.3 or 129. */
export function meanNumeral(mean: number): string {
  const whole = Math.round(mean);
  if (Math.abs(mean - whole) < 0.05 || mean >= 9.95) return numeral(whole);
  return mean.toFixed(1);
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
