// What functions and tasks are called on their marks, in the room that there is.

import { afterFunction, type FunctionName } from '../model/function-names';
import type { GraphIndex } from '../model/graph-index';
import { ownNameOf } from '../model/task-names';
import type { TextMeasurer } from './text-measurer';

/** Letters of a function's name that stay with the number of a task: a number alone names nothing. */
const LEAST_LETTERS = 2;
/** Characters of a name without a number that still say something. */
const LEAST_CHARACTERS = 3;

/** The longest wording of a name that has room, else what distinguishes the shortest from the others; else nothing. */
export function functionLabel(
  measurer: TextMeasurer,
  name: FunctionName,
  font: string,
  roomPx: number,
  least = LEAST_CHARACTERS,
): string {
  const label = measurer.first(font, [name.whole, name.short, name.brief], roomPx);
  return label === '' ? measurer.fitTelling(font, { ...name, text: name.brief }, roomPx, least) : label;
}

/** A task by its own name, else by its function and its number, which is never cut. */
export function taskLabel(
  { index, measurer }: { readonly index: GraphIndex; readonly measurer: TextMeasurer },
  node: number,
  font: string,
  roomPx: number,
): string {
  const name = index.names[index.functionOf(node)];
  if (name === undefined) return '';
  const own = ownNameOf(index, node);
  if (own !== '') return ownLabel(measurer, own, name, font, roomPx) || functionLabel(measurer, name, font, roomPx);
  const number = index.indexTextOf(node);
  if (number === '') return functionLabel(measurer, name, font, roomPx);
  const label = functionLabel(measurer, name, font, roomPx - measurer.numberWidth(font, number), LEAST_LETTERS);
  return label === '' ? '' : label + number;
}

/**
 * The longest wording of a task's own name that has room, else the shortest with its middle cut out: names of a run share how
 * they begin, or how they end. Too little of it says nothing.
 */
function ownLabel(measurer: TextMeasurer, own: string, name: FunctionName, font: string, roomPx: number): string {
  const wordings = [own, afterFunction(own, name, name.short), afterFunction(own, name, name.brief)];
  const label = measurer.first(font, wordings, roomPx) || measurer.fit(font, wordings.at(-1)!, roomPx);
  return wordings.includes(label) || label.length > 2 * LEAST_CHARACTERS ? label : '';
}
