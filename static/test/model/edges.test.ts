import { describe, expect, test } from 'vitest';

import { heaviestEdges } from '../../src/model/edges';
import { GraphIndex } from '../../src/model/graph-index';
import { trafficOf } from '../../src/model/run-figures';
import { Outcome, RowFlag } from '../../src/model/run-table';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

const ran = (node: number, from: number, to: number, outputBytes: number) => ({
  node,
  readyNs: from,
  claimedNs: from,
  startedNs: from,
  endedNs: to,
  updatedNs: to,
  outcome: Outcome.ok,
  flags: RowFlag.stored,
  worker: 0,
  outputBytes,
});

/** split writes a file for each of its children, and one that no task reads. */
const graph = graphOf(
  ['split', 'one', 'two', 'three'],
  [
    [0, 1],
    [0, 2],
    [0, 3],
  ],
);
const rows = [ran(0, 0, 5, 1000), ran(1, 5, 6, 0), ran(2, 5, 6, 0), ran(3, 5, 6, 0)];
const ended = { ended: true, nowNs: 6 };

describe('edges of a recording', () => {
  const bySize = { ...graph, scopes: [{ ...graph.scopes[0]!, edgeBytes: [10, 300, 0] }] };

  test('carry the files that the child reads', () => {
    const table = tableOf(rows, ended);
    const index = new GraphIndex(bySize, table);
    expect(heaviestEdges(index, table, 6, 10).map(({ to, bytes, via }) => [to, bytes, via])).toEqual([
      [2, 300, 'store'],
      [1, 10, 'store'],
    ]);
    expect(heaviestEdges(index, table, 6, 1).map(({ to }) => to)).toEqual([2]);
    expect(trafficOf(index, table)).toEqual({ movedBytes: 310, keptBytes: 0, inlineBytes: 0, edges: 3, unsized: 0 });
  });

  test('carry the whole output where nothing else is known', () => {
    const table = tableOf(rows, ended);
    const index = new GraphIndex(graph, table);
    expect(heaviestEdges(index, table, 6, 10).map(({ bytes }) => bytes)).toEqual([1000, 1000, 1000]);
    expect(index.readBytes(0, 1)).toBeUndefined();
  });
});
