// States as numbers, as painting has them, and which of several one mark shows.

import { stateNumber, taskStates, type TaskState } from '../model/task-state';

/** Number of states. */
export const STATES = taskStates.length;

/** The state with a number. */
export function stateName(n: number): TaskState {
  return taskStates[n] ?? 'pending';
}

/** Number of a state, in the order of taskStates. */
export const stateIs = stateNumber;

/** Which of several states one mark shows: what failed never vanishes, what is active beats what waits or ended. */
const WEIGHT: readonly number[] = taskStates.map((state) => {
  const order: readonly TaskState[] = [
    'skipped',
    'cached',
    'succeeded',
    'not run',
    'pending',
    'ready',
    'storing',
    'fetching',
    'running',
    'cancelled',
    'lost',
    'retrying',
    'failed',
  ];
  return order.indexOf(state);
});

/** The one of two states that a mark for both shows. */
export function worseState(a: number, b: number): number {
  return WEIGHT[a]! >= WEIGHT[b]! ? a : b;
}
