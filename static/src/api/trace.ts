// The Chrome trace of a run, as bytes.

import type { Api } from './client';
import { Problem } from './problem';

/** Rejects with a Problem where there is none, or the service cannot be reached. */
export async function chromeTrace(api: Api, run: string): Promise<ArrayBuffer> {
  const url = api.url(`/runs/${encodeURIComponent(run)}/export`, { format: 'chrome' });
  try {
    const response = await fetch(url, { credentials: 'same-origin' });
    if (response.ok) return await response.arrayBuffer();
    throw new Problem({ status: response.status, title: 'There is no trace of this run' });
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem({ status: 0, title: 'The service cannot be reached', cause });
  }
}
