// Since when a workflow and its functions take another time: as sentences, and as rules on the chart of days.

import type { HistoryPart, Trend } from '../../../api/schema';
import { count, counted, factorText, percent } from '../../../model/format';
import type { ChartRule } from '../../parts/chart-spec';
import { termsText } from '../../state/peers-text';

export interface ChangeLine {
  /** Of the function, or what the makespan is called. */
  readonly name: string;
  /** Of the row of the function; undefined for the makespan, and for a function that has none. */
  readonly key: string | undefined;
  readonly text: string;
  /** The first one after the change. */
  readonly run: string;
}

/** As many as there is room for. */
const SHOWN = 4;

/** The latest changes, those of the makespan first. */
export function changeLines(trend: Trend, parts: readonly HistoryPart[]): readonly ChangeLine[] {
  return trend.series
    .flatMap((series) => {
      const part = parts.findLast((one) => one.function === series.function);
      const name = series.function === '' ? 'Makespan' : series.function;
      return series.changes.map(({ text, run, since }) => ({
        name,
        key: part?.key,
        text,
        run,
        since,
        of: series.function,
      }));
    })
    .sort((a, b) => Number(b.of === '') - Number(a.of === '') || Date.parse(b.since) - Date.parse(a.since))
    .slice(0, SHOWN);
}

/** What was searched for changes, and what that is worth. */
export function changesBasis(trend: Trend): string {
  const terms = termsText(trend.terms);
  const runs = `${counted(trend.n, 'run')}${terms === '' ? '' : ` with ${terms}`}`;
  if (trend.needs !== undefined) {
    return `Changes are looked for from ${count(trend.needs)} runs with the same parameters on; so far there are ${runs}.`;
  }
  const found = trend.series.reduce((sum, series) => sum + series.changes.length, 0);
  const what = found === 0 ? 'No change' : counted(found, 'change');
  const others = trend.others > 0 ? `, without ${count(trend.others)} with other parameters` : '';
  return `${what} over ${runs}${others}; at most ${percent(trend.level)} of unchanged histories have any.`;
}

const DAY_S = 86_400;

/** A rule to the left of the first day of each change of a function. */
export function changeRules(trend: Trend | undefined, part: HistoryPart): readonly ChartRule[] {
  const series = trend?.series.find((one) => one.function !== '' && one.function === part.function);
  return (series?.changes ?? []).map(({ since, ratio }) => ({
    x: (Math.floor(Date.parse(since) / 1000 / DAY_S) - 0.5) * DAY_S,
    text: factorText(ratio),
    colour: 'accent',
    dashed: true,
  }));
}
