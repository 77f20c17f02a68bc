// The arrow keys in the graph: which task is next in a direction.

import type { GraphFrame } from './graph-frame';
import { nodeRect } from './graph-places';
import type { Rect } from './rect';

/** How much more a px across the direction counts than one along it. */
const ACROSS = 2.5;
/** Instances beyond this are not stepped through one by one from outside their box. */
const MOST_INSIDE = 20_000;

/** The nearest task from the selected one in a direction (one of dx, dy is 0); the first of all where none is selected. */
export function nextTask(frame: GraphFrame, dx: number, dy: number): number {
  const own = frame.selected >= 0 ? nodeRect(frame.geometry, frame.index, frame.selected) : null;
  if (!own) return frame.geometry.columns.flatMap((column) => column.elements).find((e) => frame.index.isTask(e)) ?? -1;
  let best = -1;
  let least = Infinity;
  for (const node of candidates(frame)) {
    if (node === frame.selected) continue;
    const rect = nodeRect(frame.geometry, frame.index, node);
    const cost = rect ? costOf(own, rect, dx, dy) : Infinity;
    if (cost < least) {
      least = cost;
      best = node;
    }
  }
  return best;
}

function costOf(from: Rect, to: Rect, dx: number, dy: number): number {
  const x = to.x + to.w / 2 - from.x - from.w / 2;
  const y = to.y + to.h / 2 - from.y - from.h / 2;
  const along = dx !== 0 ? x * dx : y * dy;
  const across = Math.abs(dx !== 0 ? y : x);
  // Left and right go to another level; up and down stay in it, or in its row of cells.
  if (along <= 0.5) return Infinity;
  return along + across * ACROSS;
}

/** Tasks of the graph itself, the first of each box, and all in the box of the selected one. */
function* candidates(frame: GraphFrame): Generator<number> {
  const { index } = frame;
  const tasks = index.graph.scopes[0]?.tasks ?? 0;
  for (let node = 0; node < tasks; node++) yield node;
  const own = index.blockOf(frame.selected);
  for (const block of index.blocks) {
    if (block.expansion < 0) continue;
    const scope = index.graph.scopes[block.scope]!;
    const instances = block === own ? Math.min(block.instances, MOST_INSIDE) : 1;
    for (let i = 0; i < instances; i++) {
      for (let task = 0; task < scope.tasks; task++) yield block.first + i * block.size + task;
    }
  }
}
