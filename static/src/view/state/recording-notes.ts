// What is known of the recording that a run was imported from, grouped by what it is.

import type { Imported } from '../../api/schema';
import { count } from '../../model/format';

type Note = Imported['notes'][number];

export interface NoteGroup {
  readonly kind: Note['kind'];
  readonly title: string;
  /** What the kind means, on hover. */
  readonly meaning: string;
  readonly lines: readonly NoteLine[];
}

export interface NoteLine {
  /** How many the text is about; empty where it is about the recording as a whole. */
  readonly count: string;
  readonly text: string;
}

const kinds: readonly Omit<NoteGroup, 'lines'>[] = [
  { kind: 'recorded', title: 'Recorded', meaning: 'The recording says so' },
  { kind: 'inferred', title: 'Inferred', meaning: 'Concluded when it was imported: the recording does not say it' },
  { kind: 'repaired', title: 'Repaired', meaning: 'Changed when it was imported: it cannot be as it is recorded' },
  { kind: 'left out', title: 'Left out', meaning: 'It is in the recording, and not in the run' },
];

/** Groups that have notes, from what can be relied on most to what is not there. */
export function noteGroups({ notes }: Imported): NoteGroup[] {
  return kinds
    .map((one) => ({ ...one, lines: notes.filter(({ kind }) => kind === one.kind).map(lineOf) }))
    .filter(({ lines }) => lines.length > 0);
}

function lineOf({ text, count: n }: Note): NoteLine {
  if (n < 0) return { count: '', text: text.charAt(0).toUpperCase() + text.slice(1) };
  // Texts are about many; "1 workers" would read as a slip.
  return { count: n === 1 ? '1 ×' : count(n), text };
}
