// How much later each task could have been over without making the run longer.

import type { GraphIndex } from './graph-index';
import { nodeRowsOf } from './node-rows';
import type { RunTable } from './run-table';
import { endOf } from './states';

const cache = new WeakMap<GraphIndex, { version: number; latestNs: Float64Array }>();

/**
 * Slack of a task of an ended run: how much later it could have been over, had every task after it taken as long as it
 * did from ready to its end. NaN while the run is live, and of a task that has not run.
 */
export function slackOf(index: GraphIndex, table: RunTable, node: number): number {
  const row = nodeRowsOf(table).last[node] ?? -1;
  if (!table.ended || row < 0) return NaN;
  let known = cache.get(index);
  if (known?.version !== table.version) {
    known = { version: table.version, latestNs: latestEnds(index, table) };
    cache.set(index, known);
  }
  return Math.max(0, known.latestNs[node]! - table.updatedNs[row]!);
}

/** When each node would have had to be over at the latest. Joins and fan-outs take no time. */
function latestEnds(index: GraphIndex, table: RunTable): Float64Array {
  const latestNs = new Float64Array(index.nodes).fill(NaN);
  const endNs = endOf(table);
  // Depth first with a stack of its own: a chain of 100,000 tasks would exhaust that of the language.
  for (let start = 0; start < latestNs.length; start++) {
    const stack = [start];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      let latest = endNs;
      let isComplete = true;
      for (const next of Number.isNaN(latestNs[node]!) ? index.successors(node) : []) {
        const known = latestNs[next]!;
        if (Number.isNaN(known)) {
          stack.push(next);
          isComplete = false;
        } else latest = Math.min(latest, known - durationOf(index, table, next));
      }
      if (!isComplete) continue;
      if (Number.isNaN(latestNs[node]!)) latestNs[node] = latest;
      stack.pop();
    }
  }
  return latestNs;
}

/** From ready to its end, over all attempts of its last epoch; nothing for what never ran. */
function durationOf(index: GraphIndex, table: RunTable, node: number): number {
  const { last, before } = nodeRowsOf(table);
  let row = index.isTask(node) ? (last[node] ?? -1) : -1;
  if (row < 0) return 0;
  const endNs = table.updatedNs[row]!;
  while (before[row]! >= 0 && table.epoch[before[row]!] === table.epoch[row]) row = before[row]!;
  const duration = endNs - table.readyNs[row]!;
  return duration > 0 ? duration : 0;
}
