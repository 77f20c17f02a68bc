// The bounds of an ended run as rows of a table.

import type { Bounds } from '../../model/bounds';
import { counted, durationText, percent } from '../../model/format';
import type { GraphIndex } from '../../model/graph-index';
import { slotsWords } from '../../model/reason-words';
import { nameOf } from '../../model/task-names';

export interface BoundRow {
  readonly name: string;
  readonly ns: number;
  /** Of the makespan. */
  readonly share: number;
  readonly note: string;
}

/** Those that are always shown, and those of the others that are more than nothing; the makespan last. */
export function boundRows(index: GraphIndex, bounds: Bounds): BoundRow[] {
  const { makespanNs, path, work, chain, closingNs, fromNs } = bounds;
  const row = (name: string, ns: number, note = ''): BoundRow => {
    return { name, ns, share: makespanNs > 0 ? ns / makespanNs : Number.NaN, note };
  };
  const always = [
    row('work ÷ slots', bounds.workNs, `${durationText(work.totalNs)} on ${slotsWords(bounds.slots)}`),
    row('longest chain', chain.ns, `${counted(chain.nodes.length, 'task')}, with slots without end`),
  ];
  const onPath = 'on the path';
  const seldom = [
    row('waiting, slots full', path.fullNs, onPath),
    row('waiting, slots free', path.freeNs, onPath),
    row('waiting, no worker', path.absentNs, onPath),
    row('moving data', path.movingNs, `${onPath}; ${durationText(work.movingNs)} in all`),
    row('engine', path.engineNs, `${onPath}; ${durationText(work.engineNs)} in all`),
    row('repeated attempts', path.againNs, `${onPath}; ${durationText(work.againNs)} in all`),
    row('back-off', path.backoffNs, onPath),
    row('paused', bounds.pausedNs, 'whatever still ran meanwhile'),
    row('ended, continued later', path.overNs),
    row('not ready, as recorded', path.unreadyNs, onPath),
    ...outstanding(index, bounds, row),
    row('before the first claim', fromNs, 'since the submission; not in the makespan'),
    row('after the last end', closingNs, 'until the run was over; not in the makespan'),
  ];
  return [...always, ...seldom.filter(({ ns }) => ns > 0), row('makespan', makespanNs, 'first claim to last end')];
}

/** How much of it one task and one function explain. */
function outstanding(
  index: GraphIndex,
  { straggler, largest, slots }: Bounds,
  row: (name: string, ns: number, note: string) => BoundRow,
): BoundRow[] {
  const rows: BoundRow[] = [];
  if (straggler !== undefined) {
    rows.push(
      row('straggler', straggler.lateNs, `${nameOf(index, straggler.node)} ended after all others of its function`),
    );
  }
  if (largest !== undefined && slots > 0) {
    const name = index.graph.functions[largest.function]!.function;
    rows.push(row('largest function', largest.ns / slots, `${name}, ${percent(largest.share)} of the work`));
  }
  return rows;
}
