// A slot as a row of a table, as of a moment.

import { workerName } from '../../model/events';
import type { GraphIndex } from '../../model/graph-index';
import { busyNs, busyShare, type Lane, placeAt } from '../../model/lanes';
import { firstAfter } from '../../model/order';
import { isThere } from '../../model/presence';
import type { RunTable } from '../../model/run-table';
import { stateAt } from '../../model/states';
import type { TaskState } from '../../model/task-state';

export interface LaneRow {
  readonly name: string;
  /** Claimed by then. */
  readonly attempts: number;
  readonly busyNs: number;
  readonly busyShare: number;
  /** What holds it: -1 and empty while it is idle. */
  readonly node: number;
  readonly task: string;
  readonly state: TaskState | null;
  /** Its worker is there; else it is yet to come, or has gone. */
  readonly there: boolean;
}

export function laneRow(index: GraphIndex, table: RunTable, lane: Lane, atNs: number): LaneRow {
  const place = placeAt(lane, atNs);
  const row = place < 0 ? -1 : lane.rows[place]!;
  const node = row < 0 ? -1 : table.node[row]!;
  return {
    name: `${workerName(lane.worker)}/${String(lane.slot)}`,
    attempts: firstAfter(lane.startNs, atNs),
    busyNs: busyNs(lane, atNs),
    busyShare: busyShare(lane, atNs),
    node,
    task: node < 0 ? '' : index.labelOf(node),
    state: row < 0 ? null : stateAt(table, row, atNs),
    there: isThere(table, lane.worker, atNs),
  };
}
