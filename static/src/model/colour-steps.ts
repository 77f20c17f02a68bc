// How much of something a task has, as a step of the ramp of colours that graph and lanes show it in.

/** Steps of the ramp, numbered from 1; the last stands out most. */
export const STEPS = 6;

/** Nothing is known to colour by. */
export const NO_STEP = 0;

/** Upper ends of the steps of a rank: below p25, p50, p75, p90, p97.5, above. */
const RANK_ENDS = [0.25, 0.5, 0.75, 0.9, 0.975] as const;

/** Step of a rank from 0 to 1, the share of others that are below. */
export function rankStep(rank: number): number {
  return Number.isNaN(rank) ? NO_STEP : 1 + RANK_ENDS.filter((end) => rank >= end).length;
}

/** Least slack of the steps as a share of the makespan; what has none is the last, because it stands in the way. */
const SLACK_ENDS = [0.5, 0.2, 0.05, 0.01, Number.MIN_VALUE] as const;

/** Step of a slack as a share of the makespan. */
export function slackStep(share: number): number {
  return Number.isNaN(share) ? NO_STEP : STEPS - SLACK_ENDS.filter((end) => share >= end).length;
}
