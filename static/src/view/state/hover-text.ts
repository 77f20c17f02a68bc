// What tooltips say.

import type { Times } from '../../draw/graph-times';
import { count, durationText, percent } from '../../model/format';
import type { Lately } from '../../model/lately';
import type { StateCounts } from '../../model/states';
import { type TaskState, taskStates } from '../../model/task-state';

/** 30 pending, 2 fetching, 39 succeeded. */
export function stateList(counts: Partial<Readonly<StateCounts>>): string {
  const parts = taskStates
    .map((state: TaskState): [TaskState, number] => [state, counts[state] ?? 0])
    .filter(([, n]) => n > 0)
    .map(([state, n]) => `${count(n)} ${state}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** 89 % busy in the last second. */
export function latelyText({ busy, slots }: Lately): string {
  return slots > 0 ? `${percent(busy / slots)} busy in the last second` : 'no slots';
}

/** level 3, or levels 3 to 6. */
export function levelsText(first: number, levels: number): string {
  return levels === 1 ? `level ${count(first)}` : `levels ${count(first)} to ${count(first + levels - 1)}`;
}

/** Execute times of several tasks, total first: total 1h 33m, median 54.4 s, 31.2 s to 1m 21s. */
export function timesText({ n, sumNs, medianNs, minNs, maxNs }: Times): string {
  if (n === 1) return `execute ${durationText(sumNs)}`;
  const range = `${durationText(minNs)} to ${durationText(maxNs)}`;
  return `execute: total ${durationText(sumNs)}, median ${durationText(medianNs)}, ${range}`;
}
