// The lines over the figures of a run that is not what it seems, or waits for what no worker has.

import type { RunSummary } from '../../api/schema';
import { count, counted } from '../../model/format';

export interface Banner {
  readonly kind: 'partial';
  readonly title: string;
  readonly text: string;
}

/** Null for a run that ended as runs should. */
export function bannerText(run: RunSummary): Banner | null {
  if (run.records.end_unknown) {
    const text = `${run.records.damage}; what can still be read is shown.`;
    return { kind: 'partial', title: 'Damaged: how it ended is not known.', text };
  }
  if (run.imported !== null && run.imported.incomplete !== '') return incompleteText(run, run.imported.incomplete);
  if (run.status === 'interrupted' && run.imported !== null)
    return { kind: 'partial', title: 'How the run ended is not recorded.', text: 'All that is recorded is shown.' };
  if (run.status === 'interrupted') {
    const done = `${counted(run.tasks.done, 'task')} of ${count(run.tasks.total)} had ended`;
    return {
      kind: 'partial',
      title: 'Interrupted: its process ended before the run did.',
      text: `${done}; everything recorded until then is shown, and tasks without an end are lost.`,
    };
  }
  return null;
}

/** What is missing may change everything that is said of the run. */
function incompleteText(run: RunSummary, why: string): Banner {
  const done = `${counted(run.tasks.done, 'task')} of ${count(run.tasks.total)} ${run.tasks.done === 1 ? 'is' : 'are'} done in it`;
  return {
    kind: 'partial',
    title: `${run.status === 'running' ? 'Under way' : 'The recording is incomplete'}: ${why}.`,
    text: `${done}; figures are those of what it has.`,
  };
}

/** More functions than these are not named. */
const NAMED = 3;

/** What tasks wait for in vain, and how many; null where there is nothing to say. */
export function missingText(missing: RunSummary['missing_functions']): Banner | null {
  if (missing.length === 0) return null;
  const large = missing.find((one) => one.too_large !== '');
  if (large !== undefined)
    return {
      kind: 'partial',
      title: `No worker is large enough for ${waitingText(large)}: ${large.too_large}.`,
      text: 'Start a larger one:',
    };
  const named = missing.slice(0, NAMED).map(waitingText);
  if (missing.length > NAMED) named.push(counted(missing.length - NAMED, 'more function'));
  const last = named.pop()!;
  const list = named.length === 0 ? last : `${named.join(', ')} and ${last}`;
  return { kind: 'partial', title: `No worker has ${list}.`, text: 'Start one whose program has it:' };
}

/** A function, and how many of its tasks wait. */
function waitingText(one: RunSummary['missing_functions'][number]): string {
  const name = one.version > 0 ? `${one.function}@${String(one.version)}` : one.function;
  return `${name} (${counted(one.tasks, 'task')} ${one.tasks === 1 ? 'waits' : 'wait'})`;
}
