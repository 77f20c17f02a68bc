// Vectors of internal/testkit/vectortest: runs as the page gets them, and what the service finds in them.

import { readFileSync } from 'node:fs';

import { decodeFrame } from '../../src/model/frame';
import type { Graph } from '../../src/model/graph';
import { GraphIndex } from '../../src/model/graph-index';
import type { Lanes } from '../../src/model/lanes';
import { RunFold } from '../../src/model/run-fold';
import { lanesOf } from '../../src/model/run-lanes';
import type { RunTable } from '../../src/model/run-table';

export interface Vector<Want> {
  readonly name: string;
  readonly recorded: boolean;
  readonly graph: Graph;
  readonly frames: readonly string[];
  readonly workers: readonly { readonly worker: number; readonly width: number; readonly slots: number }[] | null;
  readonly want: Want;
}

/** The vectors of a package of the service, with their names. */
export function vectorsOf<Want>(folder: string): (readonly [string, Vector<Want>])[] {
  const path = new URL(`../../../${folder}/testdata/vectors.json`, import.meta.url);
  const vectors = JSON.parse(readFileSync(path, 'utf8')) as readonly Vector<Want>[];
  return vectors.map((vector) => [vector.name, vector] as const);
}

/** The run of a vector as its page has it. */
export function replayed(vector: Vector<unknown>): { index: GraphIndex; table: RunTable; lanes: Lanes } {
  const fold = new RunFold();
  if (vector.recorded) fold.markRecorded();
  for (const frame of vector.frames) {
    if (!fold.apply(decodeFrame(Uint8Array.from(Buffer.from(frame, 'base64'))))) throw new Error('frame out of order');
  }
  const { table } = fold;
  const workers = vector.workers ?? [];
  const lanes = lanesOf(
    table,
    new Map(workers.map(({ worker, slots }) => [worker, slots])),
    new Map(workers.map(({ worker, width }) => [worker, width])),
  );
  return { index: new GraphIndex(vector.graph, table), table, lanes };
}
