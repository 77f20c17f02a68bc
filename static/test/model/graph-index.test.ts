import { describe, expect, test } from 'vitest';

import type { Graph } from '../../src/model/graph';
import { GraphIndex } from '../../src/model/graph-index';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { forSeeds, Random } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

/** blur for each of n, in a scope of its own with a second call of blur, then merge over what came out. */
const graph: Graph = {
  hash: 'ab',
  functions: ['load', 'blur', 'merge'].map((name) => ({ function: name, version: 0 })),
  scopes: [
    {
      up: -1,
      expansion: -1,
      tasks: 2, // 0 load, 1 merge, 2 fan-out, 3 join
      fanouts: 1,
      joins: 1,
      function: [0, 2],
      edges: [0, 2, 2, 3, 3, 1],
      region: [1],
      joinOf: [2],
      joinWaits: [[1]],
    },
    {
      up: 0,
      expansion: 2,
      tasks: 2,
      fanouts: 0,
      joins: 0,
      function: [1, 1],
      edges: [0, 1],
      region: [],
      joinOf: [],
      joinWaits: [],
    },
  ],
};

function expanded(width: number): GraphIndex {
  return new GraphIndex(graph, tableOf([], { expansions: [{ node: 2, width, first: 4 }] }));
}

describe('a fan-out of three', () => {
  const index = expanded(3);

  test('has the nodes of its instances after those of the graph', () => {
    expect([index.nodes, index.tasks]).toEqual([10, 8]);
    expect([0, 1, 2, 3, 4, 9, 10].map((node) => index.isTask(node))).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect([4, 5, 6, 9].map((node) => index.instanceOf(node))).toEqual([0, 0, 1, 2]);
    expect(index.expansionOf(7)).toBe(2);
    expect(index.instancesOf(2)).toMatchObject({ first: 4, instances: 3, size: 2 });
  });

  test('names tasks by instance, then by the call where a function is called twice', () => {
    expect([0, 1, 4, 5, 9].map((node) => index.identityOf(node))).toEqual([
      'load',
      'merge',
      'blur[0/0]',
      'blur[0/1]',
      'blur[2/1]',
    ]);
    expect([0, 9].map((node) => index.indexTextOf(node))).toEqual(['', '[2/1]']);
    expect([0, 4, 2].map((node) => index.functionOf(node))).toEqual([0, 1, -1]);
  });

  test('is one element, with its join', () => {
    expect(index.elementOf(2)).toEqual({ scope: 0, element: 2 });
    expect(index.elementOf(3)).toEqual({ scope: 0, element: 2 });
    expect(index.elementOf(9)).toEqual({ scope: 1, element: 1 });
    expect([...index.tasksOfElement(0, 2)]).toEqual([4, 5, 6, 7, 8, 9]);
    expect([...index.tasksOfElement(1, 1)]).toEqual([5, 7, 9]);
  });

  test('stands between its parents and its children', () => {
    expect(index.children(0)).toEqual([4, 6, 8]);
    expect(index.parents(6)).toEqual([0]);
    expect(index.children(7)).toEqual([1]);
    expect(index.parents(1)).toEqual([5, 7, 9]);
    expect([0, 4, 5, 1].map((node) => index.levelOf(node))).toEqual([0, 1, 2, 3]);
  });
});

test('a fan-out without instances, or not yet expanded, hands on what it waits for', () => {
  for (const index of [expanded(0), new GraphIndex(graph, tableOf([]))]) {
    expect([index.nodes, index.tasks]).toEqual([4, 2]);
    expect(index.children(0)).toEqual([1]);
    expect(index.parents(1)).toEqual([0]);
    expect(index.levelOf(1)).toBe(3);
  }
});

test('an expansion that does not fit the graph is left out', () => {
  const index = new GraphIndex(graph, tableOf([], { expansions: [{ node: 1, width: 2, first: 4 }] }));
  expect(index.nodes).toBe(4);
});

/** The tasks that a node waits for, from what the simulation itself kept. */
function parentsIn(run: FakeRun, number: number): number[] {
  const found = new Set<number>();
  const walk = (at: number): void => {
    const node = run.nodes[at]!;
    if (node.before.length === 0 && node.expansion >= 0) walk(node.expansion);
    const scope = run.graph.scopes[node.scope]!;
    const fanout = node.start + (scope.joinOf[node.local - scope.tasks - scope.fanouts] ?? -1 - node.start);
    const hasInstances = node.before.some((other) => other >= node.start && run.nodes[other]!.expansion === fanout);
    for (const other of node.before) {
      const kind = run.nodes[other]!;
      if (hasInstances && other === fanout) continue;
      if (kind.local < run.graph.scopes[kind.scope]!.tasks) found.add(other);
      else walk(other);
    }
  };
  walk(number);
  return [...found].sort((a, b) => a - b);
}

test('parents and children are those of the simulation, and each other’s inverse', () => {
  forSeeds(40, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const index = new GraphIndex(run.graph, foldOf(run));
    expect([index.nodes, index.tasks]).toEqual([run.nodes.length, run.tasks]);
    const tasks = run.nodes.filter((node) => index.isTask(node.number)).map((node) => node.number);
    for (const task of tasks) {
      expect(index.parents(task), `parents of ${task}`).toEqual(parentsIn(run, task));
      const children = tasks.filter((other) => index.parents(other).includes(task));
      expect(index.children(task), `children of ${task}`).toEqual(children);
      for (const child of children) expect(index.levelOf(child)).toBeGreaterThan(index.levelOf(task));
    }
  });
});

test('every task is in one element of its own and in those of the fan-outs around it', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const index = new GraphIndex(run.graph, foldOf(run));
    const seen = new Map<number, number>();
    run.graph.scopes.forEach(({ tasks, fanouts }, scope) => {
      for (let element = 0; element < tasks + fanouts; element++) {
        for (const node of index.tasksOfElement(scope, element)) seen.set(node, (seen.get(node) ?? 0) + 1);
      }
    });
    for (const node of run.nodes) {
      if (index.isTask(node.number)) expect(seen.get(node.number)).toBe(1 + node.path.length);
    }
  });
});

test('names are those of dag.Identity', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const index = new GraphIndex(run.graph, foldOf(run));
    for (const { number, scope, local, path } of run.nodes) {
      if (!index.isTask(number)) continue;
      const calls = run.graph.scopes[scope]!.function;
      const fn = calls[local]!;
      const ordinal = calls.slice(0, local).filter((other) => other === fn).length;
      const whole = calls.filter((other) => other === fn).length > 1 ? [...path, ordinal] : path;
      const name = run.graph.functions[fn]!.function;
      expect(index.identityOf(number)).toBe(whole.length === 0 ? name : `${name}[${whole.join('/')}]`);
    }
  });
});

test('a chain of 100,000 tasks has levels', () => {
  const tasks = 100_000;
  const edges = Array.from({ length: tasks - 1 }, (_, i) => [i + 1, i]).flat(); // the last task comes first
  const scope = { ...graph.scopes[1]!, up: -1, tasks, function: new Array<number>(tasks).fill(0), edges };
  const index = new GraphIndex({ ...graph, scopes: [scope] }, tableOf([]));
  expect([index.levelOf(tasks - 1), index.levelOf(0)]).toEqual([0, tasks - 1]);
});

test('a table that starts afresh takes its expansions with it', () => {
  const random = new Random(7);
  const run = new FakeRun(randomGraph(random), random);
  const table = { ...tableOf([]), expansions: [...foldOf(run).expansions] };
  const index = new GraphIndex(run.graph, table);
  expect(index.nodes).toBe(run.nodes.length);
  table.expansions.length = 0;
  index.update();
  const { tasks, fanouts, joins } = run.graph.scopes[0]!;
  expect(index.nodes).toBe(tasks + fanouts + joins);
});
