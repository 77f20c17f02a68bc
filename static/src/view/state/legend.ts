// What the legend of the graph shows.

import { iconToken } from '../../draw/palette';
import { CPU_ENDS, MEMORY_ENDS, topMemory } from '../../model/colour-steps';
import { bytesText } from '../../model/format';
import type { Metric } from '../../model/metric';
import type { StateCounts } from '../../model/states';
import { type TaskState, taskStates } from '../../model/task-state';
import type { ColourMode } from '../../model/url-state';

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
  /** Beginning of the names of the colours' custom properties, which are numbered from 1. */
  readonly token: 'mag' | 'ratio';
}

const rankSteps = ['< p25', 'p50', 'p75', 'p90', 'p97.5', 'above'];

/** What the ramp stands for in the modes that show how much of something a task has; undefined in the others. */
export function legendRamp(mode: ColourMode, live: boolean, mostMemoryBytes: number): LegendRamp | undefined {
  const ramp = rampOf(mode, live, mostMemoryBytes);
  if (ramp === undefined || ramp.steps.length === 0) return ramp;
  const several = 'a box of many tasks has the colour of their median, a cell of several that of their last step';
  return { ...ramp, of: `${ramp.of}; ${several}` };
}

function rampOf(mode: ColourMode, live: boolean, mostMemoryBytes: number): LegendRamp | undefined {
  switch (mode) {
    case 'ratio':
      return { steps: ratioSteps, of: 'times as long as in the other run', token: 'ratio' };
    case 'rank':
      return { steps: rankSteps, of: 'of past execute times of the same function', token: 'mag' };
    case 'duration':
      return { steps: rankSteps, of: 'of the execute times of this run', token: 'mag' };
    case 'cpu':
      return { steps: cpuSteps, of: 'of one processor, while a task executed', token: 'mag' };
    case 'memory':
      if (Number.isNaN(mostMemoryBytes)) return { steps: [], of: 'no peak memory was measured', token: 'mag' };
      return { steps: memorySteps(mostMemoryBytes), of: 'of memory at the most', token: 'mag' };
    case 'slack':
      if (live) return { steps: [], of: 'slack is known when the run ends', token: 'mag' };
      return { steps: slackSteps, of: 'of the makespan: how much later a task could have been over', token: 'mag' };
    default:
      return undefined;
  }
}

const cpuSteps = [`< ${percent(CPU_ENDS[0])}`, ...CPU_ENDS.map(percent)];

const slackSteps = ['≥ 50 %', '< 50 %', '< 20 %', '< 5 %', '< 1 %', 'none'].map((step) =>
  step.replace(' %', '\u00a0%'),
);

function percent(share: number): string {
  return `${100 * share}\u00a0%`;
}

function memorySteps(mostBytes: number): string[] {
  const ends = MEMORY_ENDS.map((share) => bytesText(share * topMemory(mostBytes)).replace(/\.0+(?=\s)/, ''));
  return [`< ${ends[0]}`, ...ends];
}

/** Where a step begins, seen from 1; arrows say what hues alone would not. */
const ratioSteps = ['↓ ½', '0.8', '0.95', '≈ 1', '1.05', '1.25', '2 ↑', 'no pair'];

const modeTitles: Readonly<Record<ColourMode, string>> = {
  state: 'State',
  function: 'Function',
  worker: 'Worker',
  rank: 'Past rank',
  duration: 'Duration',
  cpu: 'CPU share',
  memory: 'Peak memory',
  slack: 'Slack',
  ratio: 'Ratio',
};

/** What a run must have measured for a way to colour its tasks. */
const modeNeeds: Partial<Record<ColourMode, Metric>> = { cpu: 'cpu_ns', memory: 'memory_bytes' };

/** Ways to colour tasks, as they are offered: those of which the run has something, and the one that is chosen. */
export function legendModes(
  of: readonly ColourMode[],
  measured: readonly Metric[],
  chosen: ColourMode,
): { mode: ColourMode; title: string }[] {
  const isOffered = (mode: ColourMode): boolean => {
    const need = modeNeeds[mode];
    return need === undefined || measured.includes(need) || mode === chosen;
  };
  return of.filter(isOffered).map((mode) => ({ mode, title: modeTitles[mode] }));
}
