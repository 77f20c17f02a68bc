// What a task is called on its mark, in the room that there is.

import type { GraphIndex } from '../model/graph-index';
import type { TextMeasurer } from './text-measurer';

/** Letters of a function's name that stay beside the number of a task: a number alone names nothing. */
const LEAST_LETTERS = 2;
/** Characters of a name without a number that still say something. */
const LEAST_CHARACTERS = 3;

/** The longest name of a task that has room, else the end of the shortest, with its number whole; else nothing. */
export function taskLabel(
  { index, measurer }: { readonly index: GraphIndex; readonly measurer: TextMeasurer },
  node: number,
  font: string,
  roomPx: number,
): string {
  const wordings = index.wordingsOf(node);
  const label = measurer.first(font, wordings, roomPx);
  if (label !== '') return label;
  const least = Math.max(LEAST_CHARACTERS, index.indexTextOf(node).length + LEAST_LETTERS);
  return measurer.fitEnd(font, wordings.at(-1) ?? '', roomPx, least);
}
