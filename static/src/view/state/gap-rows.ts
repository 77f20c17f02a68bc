// Why nothing was done for a while: pauses, gaps between revisions, back-offs; as rows of a table and as text.

import { backOffsOf } from '../../model/back-off';
import { durationText } from '../../model/format';
import type { GraphIndex } from '../../model/graph-index';
import type { RunTable } from '../../model/run-table';
import { standstillsOf, standstillWord } from '../../model/standstill';
import type { WorkerLabel } from './worker-labels';

/** From one moment to another; Infinity while it lasts. */
export interface Stretch {
  readonly fromNs: number;
  readonly toNs: number;
}

export interface GapRow extends Stretch {
  readonly kind: string;
  /** -1 and empty where it is about the run as a whole. */
  readonly node: number;
  readonly attempt: string;
}

/** The gaps that had begun by a moment, with what workers prepared before they claimed tasks, in order of time. */
export function gapRows(index: GraphIndex, table: RunTable, workers: readonly WorkerLabel[], atNs: number): GapRow[] {
  const still = standstillsOf(table).map((one) => ({ ...one, kind: standstillWord(one), node: -1, attempt: '' }));
  const backOffs = backOffsOf(table).map(({ row, fromNs, toNs }) => {
    const node = table.node[row]!;
    const attempt = `${index.labelOf(node)}, attempt ${String(table.attempt[row])}`;
    return { kind: 'back-off after', fromNs, toNs, node, attempt };
  });
  const prepared = workers.flatMap(({ name: worker, preparations }) =>
    preparations.map(({ name, fromNs, toNs }) => ({
      kind: `${worker} prepares ${name}`,
      fromNs,
      toNs,
      node: -1,
      attempt: '',
    })),
  );
  return [...still, ...prepared, ...backOffs]
    .filter(({ fromNs }) => fromNs <= atNs)
    .sort((a, b) => a.fromNs - b.fromNs);
}

/** Which kinds of gaps a run has, for the key of the picture. */
export function gapKinds(table: RunTable): { readonly standstill: string; readonly hasBackOff: boolean } {
  const [first] = standstillsOf(table);
  return { standstill: first === undefined ? '' : standstillWord(first), hasBackOff: backOffsOf(table).length > 0 };
}

/** What a reader sees moments by. */
interface Clock {
  readonly shownNs: number;
  moment(ns: number): string;
}

/** '6.50 s, from +1.20 s to +7.70 s', or, of one that is not over, '300 ms so far, since +1.20 s'; after a word. */
export function gapText(word: string, { fromNs, toNs }: Stretch, clock: Clock): string {
  const isOver = toNs < Infinity;
  const lasted = durationText((isOver ? toNs : Math.max(fromNs, clock.shownNs)) - fromNs);
  const text = isOver
    ? `${lasted}, from ${clock.moment(fromNs)} to ${clock.moment(toNs)}`
    : `${lasted} so far, since ${clock.moment(fromNs)}`;
  return word === '' ? text : `${word} ${text}`;
}
