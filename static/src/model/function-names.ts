// What functions are called where there is little room: their names without what all of them share.

import type { Graph } from './graph';

/** A function's name in three lengths. In each length the names of all functions of a graph differ. */
export interface FunctionName {
  readonly whole: string;
  /** Without what all names share. */
  readonly short: string;
  /** The shortest end of the name that no other name has. */
  readonly brief: string;
  /** So many characters of the beginning of brief are the beginning of no other name. */
  readonly head: number;
  /** So many characters of the end of brief are the end of no other name. */
  readonly tail: number;
  /** The one for tables and sentences: whole, unless names are long. */
  readonly label: string;
}

/** Characters from which on a name is long. */
const LONG = 20;

/** Where names may be cut: half a word says nothing. */
const SEPARATOR = /[.:/_-]/;
/** Those between the parts of a path; the others may be inside of a word. */
const PATH_SEPARATOR = /[.:/]/;
const LETTER = /\p{L}/u;

const known = new WeakMap<Graph, readonly FunctionName[]>();

/** Names of a graph's functions, in its order. */
export function functionNamesOf(graph: Graph): readonly FunctionName[] {
  let names = known.get(graph);
  if (names === undefined) known.set(graph, (names = functionNames(wholeNames(graph))));
  return names;
}

/** Versions are named only where two of them meet. */
function wholeNames(graph: Graph): string[] {
  const uses = new Map<string, number>();
  for (const { function: name } of graph.functions) uses.set(name, (uses.get(name) ?? 0) + 1);
  return graph.functions.map(({ function: name, version }) => (uses.get(name)! > 1 ? `${name}@${version}` : name));
}

/** The name of a task with a shorter wording of its function's, if it begins with that: TRIM (s1) of NF:QC:TRIM (s1). */
export function afterFunction(own: string, { whole }: FunctionName, shorter: string): string {
  return own.startsWith(whole) ? shorter + own.slice(whole.length) : own;
}

/** The lengths of some names that differ from one another. */
export function functionNames(wholes: readonly string[]): FunctionName[] {
  const shorts = withoutShared(wholes);
  const briefs = shortestEnds(shorts);
  const heads = tellingHeads(briefs);
  const tails = tellingHeads(briefs.map(reverse));
  const isLong = wholes.some((name) => name.length > LONG);
  return wholes.map((whole, i) => {
    const short = shorts[i]!;
    return { whole, short, brief: briefs[i]!, head: heads[i]!, tail: tails[i]!, label: isLong ? short : whole };
  });
}

/**
 * Names without the beginning and the end that all of them share, both cut at separators. Each keeps at least one
 * letter: a number alone names nothing. Names that differ still differ.
 */
export function withoutShared(names: readonly string[]): string[] {
  if (new Set(names).size < 2) return [...names];
  const from = sharedLength(names);
  const rests = names.map((name) => name.slice(from));
  const end = sharedLength(rests.map(reverse));
  return rests.map((rest) => rest.slice(0, rest.length - end));
}

/** Length of the beginning that all names share, up to and with its last separator, so that each rest has a letter. */
function sharedLength(names: readonly string[]): number {
  const [first = ''] = names;
  let length = first.length;
  for (const name of names) {
    let same = 0;
    while (same < length && name[same] === first[same]) same++;
    length = same;
  }
  while (length > 0) {
    const isCut = SEPARATOR.test(first[length - 1]!) && names.every((name) => LETTER.test(name.slice(length)));
    if (isCut) return length;
    length--;
  }
  return 0;
}

function reverse(text: string): string {
  return text.split('').reverse().join('');
}

/** Of each name the shortest end, cut after a path's separator, that is the end of no other name. */
function shortestEnds(names: readonly string[]): string[] {
  const uses = new Map<string, number>();
  for (const name of new Set(names)) for (const end of endsOf(name)) uses.set(end, (uses.get(end) ?? 0) + 1);
  return names.map((name) => endsOf(name).find((end) => uses.get(end) === 1 && LETTER.test(end)) ?? name);
}

/** Of each name how many of its first characters no other name begins with; its length where another begins with all of it. */
function tellingHeads(names: readonly string[]): number[] {
  const sorted = [...new Set(names)].sort();
  const same = (a: string, b: string | undefined): number => {
    let n = 0;
    while (b !== undefined && n < a.length && a[n] === b[n]) n++;
    return n;
  };
  const heads = new Map(
    sorted.map((name, i) => {
      const shared = Math.max(same(name, sorted[i - 1]), same(name, sorted[i + 1]));
      return [name, Math.min(name.length, shared + 1)];
    }),
  );
  return names.map((name) => heads.get(name)!);
}

/**
 * All ends of a name that begin a part of its path, shortest first; the last is the name itself. A name of several words
 * is no path: of "collect at app.py:62", "py:62" would say nothing.
 */
function endsOf(name: string): string[] {
  const ends: string[] = [];
  if (name.includes(' ')) return [name];
  for (let i = name.length - 1; i > 0; i--) if (PATH_SEPARATOR.test(name[i - 1]!)) ends.push(name.slice(i));
  ends.push(name);
  return ends;
}
