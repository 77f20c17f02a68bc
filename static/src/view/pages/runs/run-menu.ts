// What can be done with a run of the list, and with several.

import type { RunSummary } from '../../../api/schema';
import { comparePath } from '../../../model/url-state';
import type { MenuItem } from '../../parts/menu-item';

/** What the page does when it is asked to. */
export interface RunActions {
  again(run: RunSummary): void;
  cancel(run: RunSummary): void;
  tag(runs: readonly RunSummary[]): void;
  remove(runs: readonly RunSummary[]): void;
  chooseNone(): void;
}

/** Of one run: a live one is cancelled before it can be deleted. */
export function runMenu(run: RunSummary, actions: RunActions): MenuItem[] {
  const end: MenuItem = run.live
    ? { id: 'cancel', label: 'Cancel…', run: () => actions.cancel(run), ...elsewhere(run) }
    : { id: 'delete', label: 'Delete…', danger: true, run: () => actions.remove([run]) };
  // A recording is no workflow of the service: there is nothing to launch it with.
  const again = { id: 'again', label: 'Launch another like it', run: () => actions.again(run) };
  return [...(run.imported === null ? [again] : []), { id: 'tag', label: 'Tags…', run: () => actions.tag([run]) }, end];
}

function elsewhere(run: RunSummary): Pick<MenuItem, 'disabled' | 'title'> {
  return run.local ? {} : { disabled: true, title: 'Another process executes it; Ctrl-C there cancels it' };
}

/** Address of the page that compares two chosen runs, of which the earlier one is the base; undefined of any other number. */
export function chosenPair(runs: readonly RunSummary[], href: (path: string) => string): string | undefined {
  const [base, run] = [...runs].sort((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at));
  if (base === undefined || run === undefined || runs.length > 2) return undefined;
  return href(comparePath(base.run, run.run));
}

/** Of the chosen runs. */
export function chosenMenu(runs: readonly RunSummary[], actions: RunActions): MenuItem[] {
  return [
    { id: 'tag', label: 'Tags…', run: () => actions.tag(runs) },
    { id: 'delete', label: 'Delete…', danger: true, run: () => actions.remove(runs) },
    { id: 'none', label: 'Choose none', run: () => actions.chooseNone() },
  ];
}
