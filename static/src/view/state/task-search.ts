// The search of the top bar, on a run page: its tasks by name.

import type { SearchHit, SearchSource } from './search-sources';
import type { RunView } from './run.svelte';

/** More hits than this nobody reads. */
const HITS = 20;

/** Finds tasks whose name has the text in it; names that begin with it come first. */
export function taskSearch(view: RunView): SearchSource {
  return {
    title: 'Tasks of this run',
    find: (text) => Promise.resolve(view.ready ? findTasks(view, text.trim().toLowerCase()) : []),
  };
}

function findTasks(view: RunView, wanted: string): SearchHit[] {
  const first: SearchHit[] = [];
  const second: SearchHit[] = [];
  const index = view.indexNow;
  for (let node = 0; node < index.nodes && first.length < HITS; node++) {
    if (!index.isTask(node)) continue;
    const name = index.nameOf(node);
    const at = name.toLowerCase().indexOf(wanted);
    if (at < 0) continue;
    const hit = {
      id: String(node),
      title: name,
      detail: view.factsOf(node).state,
      open: () => {
        view.select(node);
      },
    };
    if (at === 0) first.push(hit);
    else if (second.length < HITS) second.push(hit);
  }
  return [...first, ...second].slice(0, HITS);
}
