// Runs, for the search of the top bar.

import type { Api } from '../../api/client';
import { durationText } from '../../model/format';
import type { SearchSource } from './search-sources';

/** Runs asked for; as many as are shown. */
const LIMIT = 6;

export function runSource(api: Pick<Api, 'runs'>): SearchSource {
  return {
    title: 'Runs',
    async find(text, signal) {
      const { runs } = await api.runs({ text, limit: LIMIT }, signal);
      return runs.map((run) => ({
        id: `run ${run.run}`,
        title: run.name,
        detail: `${run.workflow}, ${run.status}, ${durationText(run.makespan_ns)}`,
        open: `/runs/${encodeURIComponent(run.run)}`,
      }));
    },
  };
}
