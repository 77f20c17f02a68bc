// What the insights have loaded: the table, what it is compared with, and the details of the chosen cell.

import type { QueryOf } from '../../../api/client';
import type { FoundTasks, History, HistoryPart, Trend } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { Resource } from '../../state/resource.svelte';
import { type Asked, type InsightMetric, insightMetrics } from './insights-url';
import type { Range, Ranges } from './ranges';
import { askedQuantiles, leastValue, weightOf } from './statistic';

/** Bars of the histogram: as many as half a page has room for. */
const BINS = 76;
/** Rows of tasks of a cell. */
export const shownTasks = 20;

type Query = QueryOf<'get-statistics'>;

/** Two answers about the same function: of the later stretch of time, and of the earlier one where there is one. */
export interface Shape {
  readonly metric: string;
  readonly later: HistoryPart | undefined;
  readonly earlier: HistoryPart | undefined;
}

export interface Comparison {
  readonly later: readonly HistoryPart[];
  readonly earlier: readonly HistoryPart[];
}

/** CPU time divided by execution time, by key of a row. */
export type CpuShares = ReadonlyMap<string, number>;

/** Of the rows in which the CPU time of every task is known: otherwise the two sums are of different tasks. */
export function cpuSharesOf(cpu: readonly HistoryPart[], execute: readonly HistoryPart[]): CpuShares {
  const shares = new Map<string, number>();
  for (const part of cpu) {
    const whole = execute.find((one) => one.key === part.key);
    if (whole?.n === part.n && whole.sum > 0) shares.set(part.key, part.sum / whole.sum);
  }
  return shares;
}

/** The rows of an answer: a row per function, or the one of all of them. */
export function partsOf(history: History, group: Asked['group']): readonly HistoryPart[] {
  return group === 'function' ? history.groups : history.buckets;
}

/** The chosen row: the one of that key, else the one that takes most. */
export function chosenPart(metric: InsightMetric, parts: readonly HistoryPart[], key: string): HistoryPart | undefined {
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  const more = (a: HistoryPart, b: HistoryPart): HistoryPart => (weightOf(metric, b) > weightOf(metric, a) ? b : a);
  return parts.find((part) => part.key === key) ?? others.reduce(more, first);
}

/** The question of the table, as the service takes it. */
export function tableQuery(query: Asked, range: Range): Query {
  return {
    workflow: query.workflow,
    metric: query.metric,
    group_by: query.group,
    quantiles: [...askedQuantiles],
    ...range,
  };
}

/** The question about one row. */
export function rowQuery(query: Asked, part: HistoryPart | undefined, range: Range) {
  return {
    workflow: query.workflow,
    metric: query.metric,
    ...(part?.function === undefined ? {} : { function: part.function }),
    ...range,
  };
}

/** The same with the function's version, which only statistics distinguish. */
export function versionQuery(query: Asked, part: HistoryPart | undefined, range: Range): Query {
  return { ...rowQuery(query, part, range), ...(part?.version === undefined ? {} : { version: part.version }) };
}

export class Insights {
  readonly workflows: Resource<{ readonly names: readonly string[]; readonly last: string }>;
  readonly metrics: Resource<readonly InsightMetric[]>;
  readonly cpu: Resource<CpuShares>;
  readonly table: Resource<History>;
  readonly comparison: Resource<Comparison | undefined>;
  readonly shape: Resource<Shape>;
  readonly trend: Resource<History>;
  readonly changes: Resource<Trend>;
  readonly tasks: Resource<FoundTasks | undefined>;
  #app: AppState;

  constructor(app: AppState) {
    this.#app = app;
    const track = <V>(work: Promise<V>): Promise<V> => app.track(work);
    this.workflows = new Resource(track);
    this.metrics = new Resource(track);
    this.cpu = new Resource(track);
    this.table = new Resource(track);
    this.comparison = new Resource(track);
    this.shape = new Resource(track);
    this.trend = new Resource(track);
    this.changes = new Resource(track);
    this.tasks = new Resource(track);
  }

  /** Which workflows have history, and which one ran last. */
  async loadWorkflows(): Promise<void> {
    await this.workflows.load(async (signal) => {
      const list = await this.#app.api.runs({ limit: 1 }, signal);
      return { names: list.workflows, last: list.runs[0]?.workflow ?? '' };
    });
  }

  /** Which metrics a workflow has values of. */
  loadMetrics(workflow: string, range: Range): void {
    void this.metrics.load(async (signal) => {
      const { metrics } = await this.#app.api.functions({ workflow, ...range }, signal);
      return insightMetrics.filter((metric) => metrics.includes(metric));
    });
  }

  /** Since when the workflow and its functions take another time. */
  loadChanges(workflow: string, range: Range): void {
    void this.changes.load((signal) => this.#app.api.trend({ workflow, ...range }, signal));
  }

  /** How much of their execution the rows of the table were CPU time. */
  loadCpu(query: Asked, range: Range): void {
    void this.cpu.load(async (signal) => {
      const ask = async (metric: InsightMetric): Promise<readonly HistoryPart[]> =>
        partsOf(await this.#app.api.stats(tableQuery({ ...query, metric }, range), signal), query.group);
      return cpuSharesOf(...(await Promise.all([ask('cpu_ns'), ask('execute_ns')])));
    });
  }

  loadTable(query: Asked, ranges: Ranges): void {
    void this.table.load((signal) => this.#app.api.stats(tableQuery(query, ranges.whole), signal));
    void this.comparison.load(async (signal) => {
      const { later, earlier } = ranges;
      if (later === undefined || earlier === undefined) return undefined;
      const ask = (range: Range): Promise<History> => this.#app.api.stats(tableQuery(query, range), signal);
      const [after, before] = await Promise.all([ask(later), ask(earlier)]);
      return { later: partsOf(after, query.group), earlier: partsOf(before, query.group) };
    });
  }

  /** The details of a row: its shape, and its days. */
  loadRow(query: Asked, part: HistoryPart, ranges: Ranges): void {
    void this.shape.load(async (signal) => {
      const ask = async (range: Range): Promise<HistoryPart | undefined> => {
        const answer = await this.#app.api.stats({ ...versionQuery(query, part, range), bins: BINS }, signal);
        return answer.buckets[0];
      };
      const [later, earlier] = await Promise.all([
        ask(ranges.later ?? ranges.whole),
        ranges.earlier === undefined ? undefined : ask(ranges.earlier),
      ]);
      return { metric: query.metric, later, earlier };
    });
    const days: Query = { ...versionQuery(query, part, ranges.whole), bucket: 'day', quantiles: [...askedQuantiles] };
    void this.trend.load((signal) => this.#app.api.stats(days, signal));
  }

  /** The shape of the chosen row, once it is one of this metric. */
  shapeOf(metric: string): Shape | undefined {
    return this.shape.value?.metric === metric ? this.shape.value : undefined;
  }

  /** The days of the chosen row, once they are of this metric. */
  daysOf(metric: string): readonly HistoryPart[] | undefined {
    return this.trend.value?.metric === metric ? this.trend.value.buckets : undefined;
  }

  /** The tasks of the chosen cell, once they are of this metric. */
  tasksOf(metric: string): FoundTasks | undefined {
    return this.tasks.value?.metric === metric ? this.tasks.value : undefined;
  }

  /** The tasks of a cell: those at or above its value, or what that is at least where it is an estimate. */
  loadTasks(query: Asked, part: HistoryPart, ranges: Ranges): void {
    const min = leastValue(part, query.cell);
    if (min === null) {
      this.tasks.clear();
      return;
    }
    const asked = { ...rowQuery(query, part, ranges.whole), min: Math.floor(min), limit: shownTasks };
    void this.tasks.load((signal) => this.#app.api.slowest(asked, signal));
  }
}
