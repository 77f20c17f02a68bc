// The colour of a box that stands for the tasks of one function and level.

import { medianStep, NO_PAIR } from '../model/colour-steps';
import type { GraphFrame } from './graph-frame';
import { doneOf } from './graph-frame';
import { type Group, tasksOfGroup } from './graph-groups';
import { stateIs } from './mark-state';
import { isMagnitude, type NodeColours, stepColour, taskColour, type TaskColour } from './node-colours';
import { tallyAt } from './state-tally';

/** What a group's colour was worked out from. */
interface Remembered {
  readonly done: number;
  readonly step: number;
}

/** By name of the group, as long as colours mean the same. */
const known = new WeakMap<NodeColours, Map<string, Remembered>>();

/** The colours of a group's tasks where colours are of functions or amounts; of amounts, of the median of its tasks. */
export function groupColour(frame: GraphFrame, group: Group): TaskColour | null {
  const { palette, colours } = frame;
  if (isMagnitude(colours.mode)) return stepColour(palette, colours.mode, stepOf(frame, group));
  return colours.mode === 'function' ? taskColour(colours, palette, group.fn, -1, -1) : null;
}

/** The median step of the tasks of a group that are done at the moment shown. */
function stepOf(frame: GraphFrame, group: Group): number {
  const { colours, collapse } = frame;
  let steps = known.get(colours);
  if (steps === undefined) known.set(colours, (steps = new Map()));
  const name = `${collapse.key} ${group.id}`;
  const done = doneOf(tallyAt(frame.groups, group.id).counts);
  const before = steps.get(name);
  if (before?.done === done) return before.step;
  const counts = new Uint32Array(NO_PAIR + 1);
  for (const node of tasksOfGroup(frame.index, group)) {
    if (frame.states.state[node] === stateIs.succeeded) counts[colours.step(node)]!++;
  }
  const step = medianStep(counts);
  steps.set(name, { done, step });
  return step;
}
