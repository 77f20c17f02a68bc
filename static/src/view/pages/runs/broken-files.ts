// What is wrong with files of workflows, in words.

import type { BrokenFile } from '../../../api/schema';
import { counted } from '../../../model/format';

/** Mistakes of one file that are shown; the first ones often explain the rest. */
const MISTAKES = 3;

export interface BrokenText {
  readonly file: string;
  readonly mistakes: readonly MistakeText[];
  /** What is offered in its place, and how many mistakes are not shown. */
  readonly rest: string;
}

export interface MistakeText {
  /** 4:3, as compilers and editors write it; empty where the file cannot be read. */
  readonly at: string;
  readonly message: string;
}

export function brokenText({ file, kept, mistakes }: BrokenFile): BrokenText {
  const more = mistakes.length - MISTAKES;
  const offered = kept === '' ? 'It is not offered.' : `${kept} is offered as it was before.`;
  return {
    file,
    mistakes: mistakes.slice(0, MISTAKES).map(({ line, column, message }) => ({
      at: line === 0 ? '' : `${String(line)}:${String(column)}`,
      message,
    })),
    rest: more > 0 ? `${counted(more, 'more mistake')}. ${offered}` : offered,
  };
}
