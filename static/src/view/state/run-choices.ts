// What a link to a run page carries, as the one place where the choices on that page live: reading them is reading the
// address, changing them is navigating.

import {
  comparePage,
  comparePath,
  formatRunUrl,
  type PageChoices,
  parseRunUrl,
  runPage,
  type RunUrl,
} from '../../model/url-state';

/** The part of the app that choices need. */
export interface Addressed {
  readonly url: URL;
  navigate(path: string, options?: { readonly replace?: boolean }): void;
}

/** How a change shows in the history: a decision can be gone back from, what is dragged cannot. */
export type Kind = 'decision' | 'drag';

/** Path of a run page with its choices, without base path. */
export function runPath(run: string, choices: RunUrl): string {
  return `/runs/${encodeURIComponent(run)}${formatRunUrl(choices)}`;
}

/** The same of the page that compares a run with its base. */
export function pairPath(base: string, run: string, choices: RunUrl): string {
  return comparePath(base, run) + formatRunUrl(choices, comparePage);
}

/** The choices that an address carries, with some of them changed, as the new address of the page that `path` is of. */
export function changeChoices(
  app: Addressed,
  path: (choices: RunUrl) => string,
  change: Partial<RunUrl>,
  kind: Kind,
  page: PageChoices = runPage,
): void {
  app.navigate(path({ ...parseRunUrl(app.url, page), ...change }), { replace: kind === 'drag' });
}
