// What tooltips say.

import { count } from '../../model/format';
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
