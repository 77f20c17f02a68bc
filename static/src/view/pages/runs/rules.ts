// The rules of placement as fields of a form: how workers that share a run avoid moving data and waking others.

import type { Submission } from '../../../api/schema';
import { parseDuration } from './duration-text';

type Rules = NonNullable<Submission['rules']>;

/** A rule that holds unless it is switched off. */
export interface RuleSwitch {
  readonly off: 'no_become' | 'no_clustering' | 'no_delay' | 'no_inline' | 'no_preload' | 'store_all';
  readonly label: string;
  readonly hint: string;
}

export const ruleSwitches: readonly RuleSwitch[] = [
  { off: 'no_become', label: 'Continue', hint: 'A worker continues with what it has made ready' },
  { off: 'no_clustering', label: 'Cluster', hint: 'A task runs where its large input is' },
  { off: 'no_delay', label: 'Hold', hint: 'A large output waits for its consumers before it is stored' },
  { off: 'store_all', label: 'Keep local', hint: 'What only its own worker needs is not stored' },
  { off: 'no_inline', label: 'Inline', hint: 'A small output travels with the end of its task' },
  { off: 'no_preload', label: 'Preload', hint: 'Inputs are fetched before there is a slot' },
];

/** A figure of a rule; `word` is its name on the command line. */
export interface RuleFigure {
  readonly name: 'cluster_bytes' | 'inline_bytes' | 'hold_for_ns' | 'invokers' | 'poison_after';
  readonly word: string;
  readonly label: string;
  /** The default, as it is written. */
  readonly standard: string;
  readonly kind: 'bytes' | 'duration' | 'count';
  readonly hint: string;
}

export const ruleFigures: readonly RuleFigure[] = [
  {
    name: 'cluster_bytes',
    word: 'cluster',
    label: 'Large from',
    standard: '4MiB',
    kind: 'bytes',
    hint: 'Outputs from this size on draw their consumers',
  },
  {
    name: 'inline_bytes',
    word: 'inline',
    label: 'Small up to',
    standard: '16KiB',
    kind: 'bytes',
    hint: 'Outputs up to this size travel inline',
  },
  {
    name: 'hold_for_ns',
    word: 'hold',
    label: 'Hold for',
    standard: '2s',
    kind: 'duration',
    hint: 'How long a large output waits for its consumers',
  },
  {
    name: 'invokers',
    word: 'invokers',
    label: 'Invoke at once',
    standard: '16',
    kind: 'count',
    hint: 'How many others a wide fan-out wakes at a time',
  },
  {
    name: 'poison_after',
    word: 'poison',
    label: 'Give up after',
    standard: '3',
    kind: 'count',
    hint: 'Workers that a task may take down before it fails',
  },
];

/** What is in the fields. */
export interface RuleValues {
  /** Rules that are switched off. */
  readonly off: ReadonlySet<RuleSwitch['off']>;
  /** Figures as text; what is absent or empty has its default. */
  readonly figures: Readonly<Partial<Record<RuleFigure['name'], string>>>;
}

export const allRules: RuleValues = { off: new Set(), figures: {} };

/** The field of a figure among those of a form; the service names it so too. */
export function ruleField(name: RuleFigure['name']): string {
  return `rules.${name}`;
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 1 << 10, mib: 1 << 20, gib: 1 << 30 };

/** Reads '4MiB', '16 KiB', '500'; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const [, figure, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text.trim().toLowerCase()) ?? [];
  const factor = unitBytes[unit ?? '-'];
  return figure === undefined || factor === undefined ? undefined : Math.round(Number(figure) * factor);
}

const examples = { bytes: 'a size such as 4MiB', duration: 'a duration such as 2s', count: 'a whole number above 0' };

function parse(kind: RuleFigure['kind'], text: string): number | undefined {
  if (kind === 'bytes') return parseBytes(text);
  if (kind === 'duration') return parseDuration(text);
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

function textOf(values: RuleValues, figure: RuleFigure): string {
  return (values.figures[figure.name] ?? '').trim();
}

/** What is wrong, by figure. The service takes 0 for the default, so that it cannot be meant. */
export function ruleProblems(values: RuleValues): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const figure of ruleFigures) {
    const text = textOf(values, figure);
    if (text !== '' && !parse(figure.kind, text))
      problems[ruleField(figure.name)] = `Expected ${examples[figure.kind]}`;
  }
  return problems;
}

/** How many rules differ from their defaults. */
export function changedRules(values: RuleValues): number {
  return values.off.size + ruleFigures.filter((figure) => textOf(values, figure) !== '').length;
}

/** The part of a submission; undefined where all rules have their defaults. */
export function rulesOf(values: RuleValues): Rules | undefined {
  if (changedRules(values) === 0) return undefined;
  const rules: Rules = {};
  for (const { off } of ruleSwitches) if (values.off.has(off)) rules[off] = true;
  for (const figure of ruleFigures) {
    const value = parse(figure.kind, textOf(values, figure));
    if (value !== undefined) rules[figure.name] = value;
  }
  return rules;
}

/** The same as the value of a flag: 'no-become,hold=5s'; empty where there is nothing to say. */
export function rulesText(values: RuleValues): string {
  const words = ruleSwitches.filter(({ off }) => values.off.has(off)).map(({ off }) => off.replace('_', '-'));
  for (const figure of ruleFigures) {
    const text = textOf(values, figure).replace(' ', '');
    if (text !== '') words.push(`${figure.word}=${text}`);
  }
  return words.join(',');
}
