// What to say while the service's store does not answer.

import { durationText } from '../../model/format';

/** Below this a figure would only flicker. */
const LEAST_MS = 1000;

/** For how long it has been silent, and what that means for the reader of the page. */
export function silenceText(since: string, nowMs: number): string {
  const ms = nowMs - Date.parse(since);
  const long = ms >= LEAST_MS ? `Nothing was heard of it for ${durationText(Math.floor(ms / 1000) * 1e9)}. ` : '';
  return `${long}Runs continue where their workers reach it; what is shown here is older, and updates by itself.`;
}
