// The figures of a range as rows of tables.

import { bytesText, count, counted, durationText, percent } from '../../model/format';
import type { RangeFigures, RangePhases } from '../../model/range-figures';

export interface PhaseRow {
  readonly name: string;
  readonly ns: number;
  /** Of the longest phase, for its bar. */
  readonly share: number;
  readonly colour: string;
}

const phases: readonly (readonly [name: string, key: keyof RangePhases, colour: string])[] = [
  ['queue', 'queueNs', 'var(--st-ready)'],
  ['wait', 'waitNs', 'var(--ph-wait)'],
  ['fetch', 'fetchNs', 'var(--st-fetching)'],
  ['execute', 'executeNs', 'var(--st-running)'],
  ['store', 'storeNs', 'var(--st-storing)'],
  ['update', 'updateNs', 'var(--ph-update)'],
];

/** Phases in the order of time. */
export function phaseRows(of: RangePhases): PhaseRow[] {
  const longestNs = Math.max(1, ...Object.values(of));
  return phases.map(([name, key, colour]) => ({ name, ns: of[key], share: of[key] / longestNs, colour }));
}

/** Slots, attempts and bytes, each in a few words. */
export function rangeFacts(figures: RangeFigures): { readonly name: string; readonly text: string }[] {
  const { busyNs, slotNs, attempts, failed, traffic, outputBytes, unsized } = figures;
  const busy =
    slotNs > 0 ? `${percent(busyNs / slotNs)}: ${durationText(busyNs)} of ${durationText(slotNs)}` : 'no slots';
  return [
    { name: 'Slots busy', text: busy },
    { name: 'Attempts', text: failed > 0 ? `${count(attempts)}, ${count(failed)} failed` : count(attempts) },
    { name: 'Read', text: traffic === undefined ? 'too many edges to add up here' : readText(traffic) },
    { name: 'Outputs', text: outputsText(outputBytes, unsized) },
  ];
}

function outputsText(bytes: number, unsized: number): string {
  if (unsized === 0) return bytesText(bytes);
  return bytes > 0
    ? `${bytesText(bytes)}, and ${count(unsized)} of unknown size`
    : `not known of ${counted(unsized, 'output')}`;
}

function readText({
  movedBytes,
  keptBytes,
  inlineBytes,
  edges,
  unsized,
}: NonNullable<RangeFigures['traffic']>): string {
  if (edges === 0) return 'nothing';
  if (unsized === edges) return `over ${counted(edges, 'edge')}, how much is not known`;
  const parts = [
    [movedBytes, 'moved'],
    [keptBytes, 'stayed local'],
    [inlineBytes, 'inline'],
  ] as const;
  const known = parts.filter(([size]) => size > 0).map(([size, how]) => `${bytesText(size)} ${how}`);
  const unknown = unsized > 0 ? `, ${count(unsized)} of unknown size` : '';
  return `${known.join(', ') || bytesText(0)}, over ${counted(edges, 'edge')}${unknown}`;
}
