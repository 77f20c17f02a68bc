// Whether functions and tasks of a run took as long as usual, in words.

import type { JudgedFunction, Judgement, Outliers } from '../../api/schema';
import { count, counted, factorText, percent } from '../../model/format';

/** As the table of statistics has it: with the version above 0. */
export function judgedName({ function: name, version }: JudgedFunction): string {
  return version > 0 ? `${name}@${String(version)}` : name;
}

/** Which functions are slow, or what it takes to say so. */
export function functionsText(judged: Judgement): string {
  const { functions, level } = judged.functions;
  const slow = functions.filter((one) => one.slow);
  const known = functions.filter((one) => one.limit_ns !== null);
  if (slow.length > 0) {
    const names = slow
      .map((one) => `${judgedName(one)} (${one.ratio === null ? '–' : factorText(one.ratio)})`)
      .join(', ');
    return `Slower than usual: ${names}. Of unchanged runs at most ${percent(level)} have any slow function.`;
  }
  if (known.length > 0) {
    const left = functions.length - known.length;
    const others =
      left > 0 ? `; ${counted(left, 'function')} not judged, as too few runs have ${left > 1 ? 'them' : 'it'}` : '';
    return `No function is slower than usual${others}. Of unchanged runs at most ${percent(level)} have any slow function.`;
  }
  const needs = Math.max(0, ...functions.map((one) => one.needs ?? 0));
  return `Not enough runs to call a function slow: there are ${count(judged.n)}, it takes ${count(needs)}.`;
}

/** Where the median of a function stands among those of earlier runs: '28 of 30' is slower than 28. */
export function standingText(one: JudgedFunction): string {
  return one.n === 0 ? '–' : `${count(one.slower_than)} of ${count(one.n)}`;
}

/** How many tasks took longer than nearly all like them, and how many chance alone gives. */
export function outliersText(outliers: Outliers): string {
  const { n, unjudged, found, expected, needs } = outliers;
  const left =
    unjudged > 0
      ? ` ${counted(unjudged, 'task')} ${unjudged > 1 ? 'have' : 'has'} fewer than ${count(needs)} like ${unjudged > 1 ? 'them' : 'it'}.`
      : '';
  if (n === 0) return `No task is judged.${left}`;
  const chance = expected < 10 ? expected.toFixed(1) : count(Math.round(expected));
  return `${count(found)} of ${counted(n, 'task')} took longer than the 99th percentile of tasks like ${n > 1 ? 'them' : 'it'} in ${counted(outliers.runs, 'earlier run')}; chance alone gives ${chance}.${left}`;
}
