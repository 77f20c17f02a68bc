import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { boundsOf } from '../../src/model/bounds';
import { criticalPathOf, type PathStep } from '../../src/model/critical-path';
import { decodeFrame } from '../../src/model/frame';
import type { Graph } from '../../src/model/graph';
import { GraphIndex } from '../../src/model/graph-index';
import type { Chain } from '../../src/model/longest-chain';
import { RunFold } from '../../src/model/run-fold';
import { lanesOf } from '../../src/model/run-lanes';
import { slackOf } from '../../src/model/slack';

/** A run as the page gets it, and what metricsstore/analysis finds in it, which writes these vectors. */
interface Vector {
  readonly name: string;
  readonly recorded: boolean;
  readonly graph: Graph;
  readonly frames: readonly string[];
  readonly want: {
    /** Of each step node, row, from, to and the phases in their order. */
    readonly path: readonly (readonly number[])[] | null;
    /** By node, -1 for what has none. */
    readonly slack: readonly number[];
    readonly chain: Chain;
  };
}

const path = new URL('../../../metricsstore/analysis/testdata/vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[];

function replayed(vector: Vector): { index: GraphIndex; fold: RunFold } {
  const fold = new RunFold();
  if (vector.recorded) fold.markRecorded();
  for (const frame of vector.frames) {
    expect(fold.apply(decodeFrame(Uint8Array.from(Buffer.from(frame, 'base64'))))).toBe(true);
  }
  return { index: new GraphIndex(vector.graph, fold.table), fold };
}

function numbersOf(step: PathStep): number[] {
  const { againNs, backoffNs, stoodNs, unreadyNs, queueNs, waitNs, fetchNs, executeNs, storeNs, updateNs } = step;
  const before = [againNs, backoffNs, stoodNs, unreadyNs, queueNs];
  return [step.node, step.row, step.fromNs, step.toNs, ...before, waitNs, fetchNs, executeNs, storeNs, updateNs];
}

describe('the page finds what the service finds', () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))('in %s', (_, vector) => {
    const { index, fold } = replayed(vector);
    const { table } = fold;
    expect(criticalPathOf(index, table)?.steps.map(numbersOf) ?? []).toEqual(vector.want.path);
    const bounds = boundsOf(index, table, lanesOf(table));
    if (bounds !== undefined) expect(bounds.chain).toEqual(vector.want.chain);
    const slack = Array.from({ length: index.nodes }, (_node, node) =>
      index.isTask(node) ? slackOf(index, table, node) : NaN,
    );
    expect(slack.map((ns) => (Number.isNaN(ns) ? -1 : ns))).toEqual(vector.want.slack);
  });
});
