// The line over the figures of a run that is not what it seems.

import type { RunSummary } from '../../api/schema';
import { counted } from '../../model/format';

export interface Banner {
  readonly kind: 'partial';
  readonly title: string;
  readonly text: string;
}

/** Null for a run that ended as runs should. */
export function bannerText(run: RunSummary): Banner | null {
  if (run.status === 'interrupted') {
    const done = `${counted(run.tasks.done, 'task')} of ${String(run.tasks.total)} had ended`;
    return {
      kind: 'partial',
      title: 'Interrupted: its process ended before the run did.',
      text: `${done}; everything recorded until then is shown, and tasks without an end are lost.`,
    };
  }
  return null;
}
