// Why a request failed, in words.

import { Problem } from '../../api/problem';

export interface FailureText {
  readonly text: string;
  /** Empty where there is none. */
  readonly requestId: string;
}

/** What to show of an error that a request was rejected with. */
export function failureOf(error: unknown): FailureText {
  if (error instanceof Problem) {
    return { text: sentence(error.detail === '' ? error.title : error.detail), requestId: error.requestId };
  }
  return { text: sentence(error instanceof Error ? error.message : String(error)), requestId: '' };
}

/** Errors begin small and end open; on a page they are sentences. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
