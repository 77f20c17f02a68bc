// What the legend of the graph shows.

import { iconToken } from '../../draw/palette';
import type { StateCounts } from '../../model/states';
import { type TaskState, taskStates } from '../../model/task-state';
import { type ColourMode, colourModes } from '../../model/url-state';

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

/** The steps of a ramp in words, and what they are steps of. */
export interface LegendRamp {
  readonly steps: readonly string[];
  readonly of: string;
}

const rankSteps = ['< p25', 'p50', 'p75', 'p90', 'p97.5', 'above'];

/** What the ramp stands for in the modes that show how much of something a task has; undefined in the others. */
export function legendRamp(mode: ColourMode, live: boolean): LegendRamp | undefined {
  if (mode === 'rank') return { steps: rankSteps, of: 'of past execute times of the same function' };
  if (mode === 'duration') return { steps: rankSteps, of: 'of the execute times of this run' };
  if (mode !== 'slack') return undefined;
  const of = 'of the makespan: how much later a task could have been over';
  return live ? { steps: [], of: 'slack is known when the run ends' } : { steps: slackSteps, of };
}

const slackSteps = ['≥ 50 %', '< 50 %', '< 20 %', '< 5 %', '< 1 %', 'none'].map((step) =>
  step.replace(' %', '\u00a0%'),
);

const modeTitles: Readonly<Record<ColourMode, string>> = {
  state: 'State',
  function: 'Function',
  worker: 'Worker',
  rank: 'Past rank',
  duration: 'Duration',
  slack: 'Slack',
};

/** Ways to colour tasks, as they are offered. */
export const legendModes = colourModes.map((mode) => ({ mode, title: modeTitles[mode] }));
