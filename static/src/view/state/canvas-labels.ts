// One sentence for each canvas: what it is, how many, as of when.

import { count, counted } from '../../model/format';
import type { StateCounts } from '../../model/states';
import { taskStates } from '../../model/task-state';

/** Graph of 89 tasks, 30 pending, 39 succeeded, as of +13.40 s; its table holds the same. */
export function graphLabel(tasks: number, counts: StateCounts, moment: string): string {
  const parts = taskStates.filter((state) => counts[state] > 0).map((state) => `${count(counts[state])} ${state}`);
  return [
    `Graph of ${counted(tasks, 'task')}`,
    ...parts,
    `as of ${moment}; the button Table shows the same as a table`,
  ].join(', ');
}

/** Lanes of 8 slots on 2 workers as of +13.40 s; drag to choose a range. */
export function lanesLabel(slots: number, workers: number, moment: string): string {
  return `Lanes of ${counted(slots, 'slot')} on ${counted(workers, 'worker')} and the ribbon of busy slots and ready tasks, as of ${moment}; drag to choose a range, on the axis to move the playhead, the button Table shows the same as a table`;
}
