// What changed from a run, the base, to another: how a comparison of the service is read, cut and said.

import { durationText, ratio } from './format';

/** Time on a critical path by phase, as the service has it. */
export type PhaseKey =
  'again' | 'backoff' | 'stood' | 'unready' | 'queue' | 'wait' | 'fetch' | 'execute' | 'store' | 'update';

/** A task on a critical path and how long it kept the run in each phase. */
export type ComparedStep = { readonly node: number } & Readonly<Record<`${PhaseKey}_ns`, number>>;

/** What a phase of a function contributes to the difference: the time that the path of each run spends on it. */
export interface Part {
  readonly function: string;
  readonly phase: string;
  readonly base_ns: number;
  readonly run_ns: number;
  readonly difference_ns: number;
}

/** The difference of two makespans; parts and rest add up to it. */
export interface Decomposition {
  readonly difference_ns: number;
  readonly parts: readonly Part[];
  readonly rest_ns: number;
  readonly waiting_ns: number;
  readonly working_ns: number;
  readonly repeating_ns: number;
}

const phaseWords: Readonly<Record<PhaseKey, string>> = {
  again: 'earlier attempts',
  backoff: 'back-off',
  stood: 'paused',
  unready: 'not ready',
  queue: 'queue',
  wait: 'wait',
  fetch: 'fetch',
  execute: 'execute',
  store: 'store',
  update: 'update',
};

/** A phase as it is written. */
export function phaseWord(phase: string): string {
  return phaseWords[phase as PhaseKey] ?? phase;
}

/** Which nodes of two runs are the same task, and how many times as long each took. */
export class Pairing {
  readonly #partner: Uint32Array;
  readonly #ratio: Float32Array;
  readonly #inverse = new Map<number, number>();

  /** The columns of a comparison: for each node of the run, its partner in the base and its ratio, in base64. */
  constructor(columns: { readonly partner: string; readonly ratio: string }) {
    this.#partner = new Uint32Array(bytesOf(columns.partner));
    this.#ratio = new Float32Array(bytesOf(columns.ratio));
    this.#partner.forEach((base, node) => {
      if (base !== NO_NODE) this.#inverse.set(base, node);
    });
  }

  /** The node of the base that is the same task; -1 without one. */
  baseOf(node: number): number {
    const base = this.#partner[node] ?? NO_NODE;
    return base === NO_NODE ? -1 : base;
  }

  /** The node of the run that is the same task as one of the base; -1 without one. */
  runOf(base: number): number {
    return this.#inverse.get(base) ?? -1;
  }

  /** Execution time of a node of the run in those of its partner; NaN where that is not known. */
  readonly ratioOf = (node: number): number => this.#ratio[node] ?? Number.NaN;

  /** The same of the task that a node of the base is. */
  readonly ratioOfBase = (base: number): number => this.ratioOf(this.runOf(base));
}

const NO_NODE = 0xffffffff;

function bytesOf(base64: string): ArrayBuffer {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}

/** A row of the decomposition: a part, what the parts not shown have in common, or what no path shows. */
export interface PartRow {
  readonly part: Part | null;
  readonly name: string;
  readonly differenceNs: number;
}

/** At most so many parts, then the others and the rest in one row each where they are not 0: the rows add up to the difference. */
export function partRows(of: Decomposition, most: number): PartRow[] {
  const shown = of.parts.slice(0, most);
  const others = of.parts.slice(most);
  const sum = (parts: readonly Part[]): number => parts.reduce((ns, part) => ns + part.difference_ns, 0);
  const rows: PartRow[] = shown.map((part) => ({ part, name: part.function, differenceNs: part.difference_ns }));
  if (others.length > 0) rows.push({ part: null, name: `${others.length} further parts`, differenceNs: sum(others) });
  if (of.rest_ns !== 0) rows.push({ part: null, name: 'on neither path', differenceNs: of.rest_ns });
  return rows;
}

/** What one task contributes to a part; a node is -1 where the task is not on the path of that run. */
export interface TaskShare {
  readonly base: number;
  readonly run: number;
  readonly differenceNs: number;
}

/** The tasks of a part, the greatest contribution first. */
export function tasksOfPart(
  part: Part,
  paths: { readonly base: readonly ComparedStep[]; readonly run: readonly ComparedStep[] },
  functionOf: { base(node: number): string; run(node: number): string },
  pairing: Pairing,
): TaskShare[] {
  const key = `${part.phase as PhaseKey}_ns` as const;
  const shares = new Map<string, TaskShare>();
  const add = (base: number, run: number, ns: number): void => {
    const id = run >= 0 ? `run ${run}` : `base ${base}`;
    const was = shares.get(id);
    shares.set(id, {
      base: Math.max(base, was?.base ?? -1),
      run,
      differenceNs: ns + (was?.differenceNs ?? 0),
    });
  };
  for (const step of paths.base)
    if (functionOf.base(step.node) === part.function) add(step.node, pairing.runOf(step.node), -step[key]);
  for (const step of paths.run) if (functionOf.run(step.node) === part.function) add(-1, step.node, step[key]);
  return [...shares.values()]
    .filter(({ differenceNs }) => differenceNs !== 0)
    .sort((a, b) => Math.abs(b.differenceNs) - Math.abs(a.differenceNs));
}

/** How many times as long: 1.30×. */
export function timesText(times: number): string {
  return times < COARSE ? `${times.toFixed(2)}×` : ratio(times);
}

/** From here on hundredths say nothing. */
const COARSE = 9.95;

/** A difference with its sign. */
export function signedDuration(ns: number): string {
  if (ns === 0) return '±\u00a00';
  return `${ns > 0 ? '+' : '−'}\u00a0${durationText(Math.abs(ns))}`;
}

/** How much of the difference a part must have to be named as its reason. */
const MOSTLY = 0.4;

/** The difference of two makespans in a sentence, by what the runs are called. */
export function differenceText(of: Decomposition, baseNs: number, names: { base: string; run: string }): string {
  const { base, run } = names;
  const ns = of.difference_ns;
  const runNs = baseNs + ns;
  if (ns === 0) return `${run} took ${durationText(runNs)}, exactly as long as ${base}.`;
  const times = baseNs > 0 ? ` (${timesText(runNs / baseNs)})` : '';
  const lead = `${run} took ${durationText(runNs)}, ${durationText(Math.abs(ns))} ${ns > 0 ? 'longer' : 'less'} than ${base}${times}`;
  const main = of.parts.find((part) => part.difference_ns > 0 === ns > 0);
  if (main === undefined || Math.abs(main.difference_ns) < MOSTLY * Math.abs(ns))
    return `${lead}; no part alone explains it.`;
  return `${lead}, mostly by ${phaseWord(main.phase)} of ${main.function} (${signedDuration(main.difference_ns)}).`;
}

/** Sums by kinds of phases, those that are not 0. */
export function kindsText(of: Decomposition): string {
  const kinds: readonly (readonly [string, number])[] = [
    ['working', of.working_ns],
    ['waiting', of.waiting_ns],
    ['repeating', of.repeating_ns],
    ['on neither path', of.rest_ns],
  ];
  const said = kinds.filter(([, ns]) => ns !== 0).map(([name, ns]) => `${name} ${signedDuration(ns)}`);
  return said.length === 0 ? '' : `On the critical paths: ${said.join(', ')}.`;
}
