// What a link to the insights carries.

import { type Metric, metrics } from '../../../model/metric';
import { type Period, periods } from '../../state/period';
import { type Against, againstNames } from './ranges';

/** Metrics that the service keeps digests of. */
export const insightMetrics = metrics.filter((metric) => metric !== 'total_ns');
export type InsightMetric = Exclude<Metric, 'total_ns'>;

/** A metric that the service named; one that this page does not know is taken for the first. */
export function insightMetric(name: string): InsightMetric {
  return insightMetrics.find((metric) => metric === name) ?? insightsDefaults.metric;
}

/** Figures of the table that tasks can be asked for. */
export const cells = ['p50', 'p75', 'p90', 'p95', 'p99', 'max'] as const;
export type Cell = (typeof cells)[number];

export interface InsightsQuery {
  /** Empty for the workflow that ran last. */
  readonly workflow: string;
  readonly metric: InsightMetric;
  readonly period: Period;
  readonly against: Against;
  /** All functions as one row, or a row each. */
  readonly group: 'function' | 'none';
  /** The chosen row, as the service's key (mAdd, mAdd@2); empty for the one that takes most. */
  readonly key: string;
  /** Empty for p95, or for the median where there are too few tasks for a p95. */
  readonly cell: Cell | '';
}

export const insightsDefaults: InsightsQuery = {
  workflow: '',
  metric: 'execute_ns',
  period: '30d',
  against: 'none',
  group: 'function',
  key: '',
  cell: '',
};

/** Reads a link; what it does not know it drops. */
export function parseInsightsUrl(params: URLSearchParams): InsightsQuery {
  const one = <T extends string>(name: string, known: readonly T[], otherwise: T): T =>
    known.find((value) => value === params.get(name)) ?? otherwise;
  const period = one('period', periods, insightsDefaults.period);
  return {
    workflow: params.get('workflow') ?? '',
    metric: one('metric', insightMetrics, insightsDefaults.metric),
    period,
    // Not every period has one before it to compare with.
    against: one(
      'against',
      againstNames(period).map((name) => name.value),
      insightsDefaults.against,
    ),
    group: one('group', ['function', 'none'] as const, insightsDefaults.group),
    key: params.get('function') ?? '',
    cell: one<Cell | ''>('cell', cells, insightsDefaults.cell),
  };
}

/** A question with its workflow and its cell settled. */
export type Asked = InsightsQuery & { readonly cell: Cell };

/** The path of a link, with defaults left out. */
export function formatInsightsUrl(query: InsightsQuery): string {
  const params = new URLSearchParams();
  const set = (name: string, value: string, usual: string): void => {
    if (value !== usual) params.append(name, value);
  };
  set('workflow', query.workflow, insightsDefaults.workflow);
  set('metric', query.metric, insightsDefaults.metric);
  set('period', query.period, insightsDefaults.period);
  set('against', query.against, insightsDefaults.against);
  set('group', query.group, insightsDefaults.group);
  set('function', query.key, insightsDefaults.key);
  set('cell', query.cell, insightsDefaults.cell);
  const text = params.toString();
  return text === '' ? '/insights' : `/insights?${text}`;
}
