// The search of the top bar, on a run page: its tasks by name.

import { nameOf, titleOf } from '../../model/task-names';
import type { SearchHit, SearchSource } from './search-sources';
import type { RunView } from './run.svelte';

/** No reader goes through more hits than this. */
const HITS = 20;

/** Finds tasks by the words of their names and functions, see rankOf; the best first. open goes to one. */
export function taskSearch(view: RunView, open: (node: number) => void): SearchSource {
  return {
    title: 'Tasks of this run',
    find: (text) => Promise.resolve(view.ready ? findTasks(view, wordsOf(text), open) : []),
  };
}

/** Names that match are ranked no further than this many: a reader who sees so many keeps typing. */
const RANKED = 2000;

function findTasks(view: RunView, wanted: readonly string[], open: (node: number) => void): SearchHit[] {
  const index = view.indexNow;
  const found: { readonly node: number; readonly rank: number }[] = [];
  for (let node = 0; node < index.nodes && found.length < RANKED; node++) {
    if (!index.isTask(node)) continue;
    const rank = rankOf(titleOf(index, node), wanted);
    if (rank !== undefined) found.push({ node, rank });
  }
  found.sort((a, b) => a.rank - b.rank || a.node - b.node);
  return found.slice(0, HITS).map(({ node }) => ({
    id: String(node),
    title: nameOf(index, node),
    detail: view.analysis.factsOf(node).state,
    open: () => open(node),
  }));
}

/** Words of a text: runs of letters and digits, lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * How well a name has all words that are wanted, in any order: 0 where each is one of its own words, so that 'mproject 28'
 * finds mProject[28] before mProject[128]; more where one only begins or is within one of them. Undefined where one is not
 * there, or none is wanted.
 */
export function rankOf(name: string, wanted: readonly string[]): number | undefined {
  const lower = name.toLowerCase();
  if (wanted.length === 0 || !wanted.every((word) => lower.includes(word))) return undefined;
  const own = wordsOf(name);
  let rank = 0;
  for (const word of wanted) {
    if (own.includes(word)) continue;
    rank += own.some((one) => one.startsWith(word)) ? 1 : 2;
  }
  return rank;
}
