import { describe, expect, test } from 'vitest';

import { type Bounds, boundsOf, type SlotWork } from '../../src/model/bounds';
import { criticalPathOf, type PathStep } from '../../src/model/critical-path';
import type { Chain } from '../../src/model/longest-chain';
import type { RowTime } from '../../src/model/occupancy';
import { slackOf } from '../../src/model/slack';
import { replayed, vectorsOf } from '../fake/vectors';

/** What metricsstore/analysis finds, which writes the vectors. */
interface Found {
  /** Of each step node, row, from, to and the phases in their order. */
  readonly path: readonly (readonly number[])[];
  /** By node, -1 for what has none. */
  readonly slack: readonly number[];
  readonly chain: Chain;
  readonly bounds: unknown;
}

function numbersOf(step: PathStep): number[] {
  const { againNs, backoffNs, stoodNs, unreadyNs, queueNs, waitNs, fetchNs, executeNs, storeNs, updateNs } = step;
  const before = [againNs, backoffNs, stoodNs, unreadyNs, queueNs];
  return [step.node, step.row, step.fromNs, step.toNs, ...before, waitNs, fetchNs, executeNs, storeNs, updateNs];
}

/** The bounds in the order in which metricsstore/analysis writes them. */
function boundNumbers({ slots, workNs, pausedNs, tasks, ...bounds }: Bounds): unknown {
  const { executeNs, movingNs, engineNs, againNs, backoffNs, ...idle } = bounds.path;
  const { occupancy, straggler, largest } = bounds;
  return {
    figures: [slots, workNs, pausedNs, tasks],
    work: workOf(bounds.work),
    heldChain: bounds.heldChain,
    chainWork: workOf(bounds.chainWork),
    pathTime: [
      ...[executeNs, movingNs, engineNs, againNs, backoffNs],
      ...[idle.pausedNs, idle.overNs, idle.fullNs, idle.freeNs, idle.absentNs, idle.unreadyNs],
    ],
    starved: [occupancy.starvedSlotNs, occupancy.starvedNs, ...rowsOf(occupancy.starvedBy)],
    solo: [occupancy.soloNs, ...rowsOf(occupancy.soloRows)],
    straggler: straggler ? [straggler.node, straggler.ratio, straggler.lateNs] : [],
    largest: largest ? [largest.function, largest.ns, largest.share] : [],
  };
}

function workOf({ executeNs, movingNs, engineNs, againNs }: SlotWork): number[] {
  return [executeNs, movingNs, engineNs, againNs];
}

function rowsOf(rows: readonly RowTime[]): number[] {
  return rows.flatMap(({ row, ns }) => [row, ns]);
}

describe('the page finds what the service finds', () => {
  test.each(vectorsOf<Found>('metricsstore/analysis'))('in %s', (_, vector) => {
    const { index, table, lanes } = replayed(vector);
    const { want } = vector;
    expect(criticalPathOf(index, table)?.steps.map(numbersOf) ?? []).toEqual(want.path);
    const bounds = boundsOf(index, table, lanes);
    if (bounds !== undefined) expect(bounds.chain).toEqual(want.chain);
    expect(bounds === undefined ? null : boundNumbers(bounds)).toEqual(want.bounds);
    const slack = Array.from({ length: index.nodes }, (_node, node) =>
      index.isTask(node) ? slackOf(index, table, node) : NaN,
    );
    expect(slack.map((ns) => (Number.isNaN(ns) ? -1 : ns))).toEqual(want.slack);
  });
});
