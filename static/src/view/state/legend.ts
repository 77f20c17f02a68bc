// What the legend of the graph shows.

import { iconToken } from '../../draw/palette';
import type { StateCounts } from '../../model/states';
import { type TaskState, taskStates } from '../../model/task-state';

export interface LegendState {
  readonly state: TaskState;
  readonly count: number;
  /** Name of the colour's custom properties. */
  readonly token: string;
}

/** States that many runs never have; they get a place where the run has them at any time. */
const rare: ReadonlySet<TaskState> = new Set(['cached', 'cancelled', 'skipped', 'not run', 'lost']);

/** How many states every run has a place for. */
export const COMMON = taskStates.length - rare.size;

/** States in their fixed order with their counts; the places depend on the whole run, so that nothing moves. */
export function legendStates(counts: StateCounts, final: StateCounts): LegendState[] {
  return taskStates
    .filter((state) => !rare.has(state) || final[state] > 0 || counts[state] > 0)
    .map((state) => ({ state, count: counts[state], token: iconToken(state) }));
}

/** Steps of the magnitude ramp, from the first that is used. */
export const rankSteps = ['< p25', 'p50', 'p75', 'p90', 'p97.5', 'above'] as const;
