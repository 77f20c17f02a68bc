// What a page of two runs shows on window.dagscope, for tests from outside: the run's, and how the base stands beside it.

import { taskStateAt } from '../../model/states';
import type { AppState } from './app.svelte';
import type { Pair } from './pair.svelte';
import { runHooks } from './run-hooks';

/** Puts the hooks in place; the function it returns takes them away. */
export function pairHooks(app: AppState, pair: Pair): () => void {
  const off = runHooks(app, pair.run);
  /** States of the base as of the moment that its lanes show. */
  const baseStates = (): string[] => {
    const { index, table } = pair.base.source;
    const nodes = Array.from({ length: index?.nodes ?? 0 }, (_, node) => node);
    return nodes.filter((node) => index!.isTask(node)).map((node) => taskStateAt(table, node, pair.base.shownNs));
  };
  const idle = (): boolean => pair.base.idle;
  app.hooks['baseStates'] = baseStates;
  app.idleChecks.add(idle);
  return () => {
    off();
    if (app.hooks['baseStates'] === baseStates) Reflect.deleteProperty(app.hooks, 'baseStates');
    app.idleChecks.delete(idle);
  };
}
