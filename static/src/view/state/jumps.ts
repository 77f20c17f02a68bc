// Goes to tasks that a reader may look for: the next that failed, that was tried again, that took long; or one by name.

import type { Chord } from '../../input/chords';
import type { Command, CommandRegistry } from '../../input/commands';
import { type Landmark, type Landmarks, nextOf } from '../../model/landmarks';
import type { MenuItem } from '../parts/menu-item';
import type { Pictures } from './pictures';
import type { RunView } from './run.svelte';

interface Jump {
  readonly landmark: Landmark;
  readonly title: string;
  readonly chord: Chord;
  /** Why there is nothing to go to. */
  readonly none: string;
}

const jumps: readonly Jump[] = [
  { landmark: 'failed', title: 'Next task that failed', chord: 'x', none: 'No task has failed' },
  { landmark: 'retried', title: 'Next task that was tried again', chord: 'r', none: 'No task was tried again' },
  { landmark: 'longest', title: 'Longest task, then the next longest', chord: 'l', none: 'No task has ended' },
];

function commandId(landmark: Landmark): string {
  return `next-${landmark}`;
}

/** Selects a task and brings it into view in both pictures. */
export function goTo(view: RunView, pictures: Pictures, node: number): void {
  view.select(node);
  pictures.graph()?.reveal(node);
  pictures.lanes()?.reveal(node);
}

export function jumpCommands(view: RunView, pictures: Pictures): Command[] {
  return jumps.map(({ landmark, title, chord }) => ({
    id: commandId(landmark),
    title,
    group: 'Graph and lanes',
    chords: [chord],
    when: () => view.ready && view.analysis.landmarks[landmark].length > 0,
    run: () => goTo(view, pictures, nextOf(view.analysis.landmarks[landmark], view.selected)),
  }));
}

/** The same as entries of a menu, with their keys. */
export function jumpItems(commands: CommandRegistry, landmarks: Landmarks): MenuItem[] {
  return jumps.map(({ landmark, title, chord, none }) => {
    const isThere = landmarks[landmark].length > 0;
    return {
      id: commandId(landmark),
      label: title,
      title: isThere ? `Key ${chord}` : none,
      disabled: !isThere,
      run: () => void commands.run(commandId(landmark)),
    };
  });
}
