// What a run page shows on window.dagscope, for tests from outside.

import type { Metric } from '../../model/metric';
import { statisticsAt } from '../../model/statistics';
import { taskStateAt } from '../../model/states';
import type { TaskState } from '../../model/task-state';
import { nodeNamed } from '../../model/task-names';
import type { AppState } from './app.svelte';
import type { RunView } from './run.svelte';

/** NaN does not survive the way out of the browser; unknown is null there. */
function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function eachState(view: RunView, atNs: number, put: (node: number, state: TaskState) => void): void {
  const { index, table } = view.source;
  for (let node = 0; node < (index?.nodes ?? 0); node++)
    if (index!.isTask(node)) put(node, taskStateAt(table, node, atNs));
}

function statesOf<K extends string | number>(
  view: RunView,
  atNs: number,
  key: (node: number) => K,
): Record<K, TaskState> {
  const states = {} as Record<K, TaskState>;
  eachState(view, atNs, (node, state) => (states[key(node)] = state));
  return states;
}

function statisticsOf(view: RunView, atNs: number, metric: Metric): unknown[] {
  const { index, table } = view.source;
  if (!index) return [];
  return statisticsAt(index, table, metric, atNs).map((one) => ({
    function: index.graph.functions[one.function]!.function,
    n: one.n,
    done: one.done,
    total: one.total,
    p50: known(one.p50),
    p95: known(one.p95),
    mean: known(one.mean),
    min: known(one.min),
    max: known(one.max),
    sum: one.sum,
  }));
}

function summaryOf(view: RunView): unknown {
  const { summary, table } = view.source;
  if (!summary) return null;
  const { run, status, revision, last_seq: lastSeq } = summary;
  return { id: run, status, revision, last_seq: lastSeq, complete: table.ended };
}

function selectTask(view: RunView, name: string): number {
  const node = nodeNamed(view.indexNow, name);
  view.select(node);
  return node;
}

function hooksOf(view: RunView): Record<string, unknown> {
  const { source, playback, loop } = view;
  return {
    run: () => summaryOf(view),
    states: (atNs: number) => statesOf(view, atNs, (node) => source.index!.identityOf(node)),
    statesByNode: (atNs: number) => statesOf(view, atNs, (node) => node),
    statistics: (atNs: number, metric: Metric) => statisticsOf(view, atNs, metric),
    seek: (atNs: number) => view.place.seek(atNs, 'drag'),
    selectTask: (name: string) => selectTask(view, name),
    atNs: () => playback.atNs,
    endNs: () => playback.nowNs,
    rows: () => source.table.rows,
    seq: () => source.table.seq,
    ended: () => source.table.ended,
    counts: () => ({
      nodes: source.index?.tasks ?? 0,
      lanes: view.ready ? view.analysis.lanes.lanes.length : 0,
      rows: source.table.rows,
    }),
    frames: () => loop.cost.frames,
  };
}

/** Puts the hooks in place; the function it returns takes them away. */
export function runHooks(app: AppState, view: RunView): () => void {
  const hooks = hooksOf(view);
  Object.assign(app.hooks, hooks);
  const idle = (): boolean => view.idle;
  app.idleChecks.add(idle);
  return () => {
    for (const name of Object.keys(hooks)) if (app.hooks[name] === hooks[name]) Reflect.deleteProperty(app.hooks, name);
    app.idleChecks.delete(idle);
  };
}
