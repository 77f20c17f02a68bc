// A slot as a row of a table, as of a moment.

import { workerName } from '../../model/events';
import { percent } from '../../model/format';
import type { GraphIndex } from '../../model/graph-index';
import { busyNs, busyShare, type Lanes, placeAt } from '../../model/lanes';
import { isOnlyNow, latelyBusy } from '../../model/lately';
import { firstAfter } from '../../model/order';
import { isThere } from '../../model/presence';
import type { RunTable } from '../../model/run-table';
import { stateAt } from '../../model/states';
import type { TaskState } from '../../model/task-state';

export interface LaneRow {
  readonly name: string;
  /** Claimed up to the moment. */
  readonly attempts: number;
  readonly busyNs: number;
  readonly busyShare: number;
  /** What holds it: -1 and empty while it is idle. */
  readonly node: number;
  readonly task: string;
  readonly state: TaskState | null;
  /** Its worker takes part; else it is yet to come, or has gone. */
  readonly there: boolean;
  /** Share of the last second in which it was busy; NaN where the log has what it did at the moment. */
  readonly lately: number;
}

export function laneRow(index: GraphIndex, table: RunTable, lanes: Lanes, place: number, atNs: number): LaneRow {
  const lane = lanes.lanes[place]!;
  const held = placeAt(lane, atNs);
  const row = held < 0 ? -1 : lane.rows[held]!;
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
    lately: isOnlyNow(table, atNs) ? latelyBusy(lanes, lane, atNs) : Number.NaN,
  };
}

/** What a slot does that holds no task as far as the log says: most tasks are over before they are seen. */
export function nowText({ there, lately }: Pick<LaneRow, 'there' | 'lately'>): string {
  if (!there) return 'not there';
  return lately > 0 ? `${percent(lately)} busy` : 'idle';
}
