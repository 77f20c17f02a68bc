// The question of the page, for a terminal.

import type { HistoryPart } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { versionQuery } from './insights.svelte';
import type { Asked } from './insights-url';
import type { Range } from './ranges';

/** A command that asks for the chosen row; the address is the one this page was loaded from. */
export function curlOf(app: Pick<AppState, 'api'>, query: Asked, part: HistoryPart | undefined, range: Range): string {
  const url = app.api.url('/stats', versionQuery(query, part, range));
  // Colons and commas may stand in a query as they are, and are easier to read so.
  const plain = url.replaceAll("'", '%27').replaceAll('%3A', ':').replaceAll('%2C', ',');
  return `curl '${plain}'`;
}
