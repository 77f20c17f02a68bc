// Which past runs something is compared with, in words.

import type { Peers } from '../../api/schema';
import { counted } from '../../model/format';

/** More terms than these are not named. */
const NAMED = 4;

/** 'n=1000 and work=1ms'; empty where the runs have no more in common than their workflow. */
export function termsText(terms: readonly string[]): string {
  const named = terms.slice(0, NAMED);
  if (terms.length > NAMED) named.push(counted(terms.length - NAMED, 'more parameter'));
  const last = named.pop();
  if (last === undefined) return '';
  return named.length === 0 ? last : `${named.join(', ')} and ${last}`;
}

/** '12 earlier runs with n=1000', '40 earlier runs of tree-reduction, whatever their parameters'. */
export function peersText(peers: Peers): string {
  const runs = peers.runs === 0 ? 'no earlier runs' : counted(peers.runs, 'earlier run');
  if (peers.scope === 'workflow') return `${runs} of ${peers.workflow}, whatever their parameters`;
  const terms = termsText(peers.terms);
  return terms === '' ? `${runs} of ${peers.workflow}` : `${runs} with ${terms}`;
}
