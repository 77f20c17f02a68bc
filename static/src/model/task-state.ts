// The states of a task, in the order in which they are shown everywhere.

export const taskStates = [
  'pending',
  'ready',
  'fetching',
  'storing',
  'running',
  'succeeded',
  'cached',
  'retrying',
  'failed',
  'cancelled',
  'skipped',
  'not run',
  'lost',
] as const;

export type TaskState = (typeof taskStates)[number];

/** States in which a worker holds the task. */
export function isActive(state: TaskState): boolean {
  return state === 'fetching' || state === 'running' || state === 'storing';
}

/** The states' order as a number, for columns of states. */
export const stateNumber: Readonly<Record<TaskState, number>> = Object.freeze(
  Object.fromEntries(taskStates.map((state, i) => [state, i])) as Record<TaskState, number>,
);
