// How much of something a task has, as a step of the ramp of colours that graph and lanes show it in.

/** Steps of the ramp, numbered from 1; the last stands out most. */
export const STEPS = 6;

/** Nothing is known to colour by. */
export const NO_STEP = 0;

/** The median of some steps, given how many there are of each; the higher of two in the middle. Those of nothing known, and of
 * no pair, do not count unless there are no others. */
export function medianStep(counts: ArrayLike<number>): number {
  let total = 0;
  for (let step = 1; step < NO_PAIR; step++) total += counts[step] ?? 0;
  let below = 0;
  for (let step = 1; step < NO_PAIR; step++) {
    below += counts[step] ?? 0;
    if (2 * below > total) return step;
  }
  return (counts[NO_PAIR] ?? 0) > 0 ? NO_PAIR : NO_STEP;
}

/** Steps that are asked for once each; those of which nothing is known yet, again. */
export function remembered(stepOf: (node: number) => number): (node: number) => number {
  const steps: number[] = [];
  return (node) => steps[node] || (steps[node] = stepOf(node));
}

/** Upper ends of the steps of a rank: below p25, p50, p75, p90, p97.5, above. */
const RANK_ENDS = [0.25, 0.5, 0.75, 0.9, 0.975] as const;

/** Step of a rank from 0 to 1, the share of others that are below. */
export function rankStep(rank: number): number {
  return Number.isNaN(rank) ? NO_STEP : 1 + RANK_ENDS.filter((end) => rank >= end).length;
}

/** Steps of a ratio are those of a ramp of two hues: shorter, about as long, longer. */
const RATIO_ENDS = [0.5, 0.8, 0.95, 1.05, 1.25, 2] as const;

/** The step of a task that has no ratio, since it is not in both runs or was not executed in both. */
export const NO_PAIR = RATIO_ENDS.length + 2;

/** How far the step of a ratio is from that of about as long. */
export function ratioProminence(step: number): number {
  return step === NO_PAIR || step === NO_STEP ? 0 : Math.abs(step - ratioStep(1));
}

/** Step of a ratio of two durations, from 1. */
export function ratioStep(ratio: number): number {
  return Number.isNaN(ratio) ? NO_PAIR : 1 + RATIO_ENDS.filter((end) => ratio >= end).length;
}

/** Least slack of the steps as a share of the makespan; what has none is the last, because it stands in the way. */
const SLACK_ENDS = [0.5, 0.2, 0.05, 0.01, Number.MIN_VALUE] as const;

/** Least CPU shares of the steps from the second on: hardly any processor, half of one, one, more than one, several. */
export const CPU_ENDS = [0.1, 0.5, 0.9, 1.5, 4] as const;

/** Step of a CPU share: 1 is one processor that computes throughout. */
export function cpuStep(share: number): number {
  return Number.isNaN(share) ? NO_STEP : 1 + CPU_ENDS.filter((end) => share >= end).length;
}

/** Least peak memory of the steps from the second on, by that of the last one: each step is twice the one before. */
export const MEMORY_ENDS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1] as const;

/** Where the last step of peak memory begins: a power of two that the largest of the run reaches. */
export function topMemory(mostBytes: number): number {
  return 2 ** Math.floor(Math.log2(mostBytes));
}

/** Step of a peak memory, given by where the last step begins. */
export function memoryStep(share: number): number {
  return Number.isNaN(share) ? NO_STEP : 1 + MEMORY_ENDS.filter((end) => share >= end).length;
}

/** Step of a slack as a share of the makespan. */
export function slackStep(share: number): number {
  return Number.isNaN(share) ? NO_STEP : STEPS - SLACK_ENDS.filter((end) => share >= end).length;
}
