import { describe, expect, it, vi } from 'vitest';

import type { RunSource } from '../../../src/api/schema';
import type { Api } from '../../../src/api/client';
import { nextOf, RunFile, tasksOf } from '../../../src/view/state/run-file.svelte';
import type { GraphIndex } from '../../../src/model/graph-index';

const source: RunSource = {
  file: 'a.yaml',
  text: 'steps:\n  a:\n    run: |\n      x\n\n      y\n  each:\n    steps:\n      a: {run: z}\n',
  cut: false,
  steps: [
    { path: 'a', from: 2, to: 6 },
    { path: 'each', from: 7, to: 9 },
    { path: 'each.a', from: 9, to: 9 },
  ],
};

/** Nodes in order with the functions of their tasks; null for what is no task. */
function indexOf(nodes: readonly (string | null)[]): GraphIndex {
  const names = [...new Set(nodes.filter((name) => name !== null))];
  return {
    nodes: nodes.length,
    graph: { functions: names.map((name) => ({ function: name, version: 0 })) },
    functionOf: (node: number) => names.indexOf(nodes[node] ?? ''),
  } as unknown as GraphIndex;
}

describe('the file of a run', () => {
  const index = indexOf(['a', null, 'each.a', 'each.a', 'each.result', 'a', 'other']);

  it('is loaded once asked for, and has the step of a task and its lines', async () => {
    const runSource = vi.fn(() => Promise.resolve(source));
    const file = new RunFile({ runSource } as unknown as Api, 'r', (work) => work);
    expect(file.stepOf(index, 0)).toBeUndefined();
    await file.load();
    expect(file.lines).toHaveLength(9);
    expect([0, 1, 3, 4, 6, -1].map((node) => file.stepOf(index, node)?.path)).toEqual([
      'a',
      undefined,
      'each.a',
      'each',
      undefined,
      undefined,
    ]);
    expect(file.textOf(source.steps[0]!)).toBe('a:\n  run: |\n    x\n\n    y');
  });

  it('selects the tasks of a step in turn, those of a group with its own', () => {
    expect(tasksOf(index, source.steps, 'a')).toEqual([0, 5]);
    expect(tasksOf(index, source.steps, 'each')).toEqual([2, 3, 4]);
    expect(tasksOf(index, source.steps, 'each.a')).toEqual([2, 3]);
    expect([-1, 0, 5].map((selected) => nextOf([0, 5], selected))).toEqual([0, 5, 0]);
    expect(nextOf([], 3)).toBe(-1);
  });
});
