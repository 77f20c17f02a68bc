import { describe, expect, it } from 'vitest';

import type { Imported } from '../../../src/api/schema';
import { bannerText } from '../../../src/view/state/banner';
import type { Bounds } from '../../../src/model/bounds';
import { makespanFigure } from '../../../src/view/state/key-figures';
import { noteGroups } from '../../../src/view/state/recording-notes';
import { runFacts } from '../../../src/view/state/run-facts';
import { engineOf, freshness } from '../../../src/view/state/run-words';
import { statusNote } from '../../../src/view/pages/runs/run-text';
import { runSummary } from '../runs/run-summary';

const imported: Imported = {
  format: 'Spark event log 3.5',
  system: 'Spark',
  incomplete: '',
  notes: [],
  recorded_ns: 0,
  explained_ns: 1e9,
  bytes_in: 0,
  bytes_moved: 0,
  bytes_out: 0,
  cpu_ns: null,
  dated: true,
  lanes: '',
};
const write = { duration: (ns: number) => `${ns} ns`, bytes: (n: number) => `${n} B`, count: String };
const factsOf = (of: Parameters<typeof runSummary>[0]): Record<string, string> =>
  Object.fromEntries(runFacts(runSummary(of), write).map(({ name, value }) => [name, value]));

describe('what a recording says', () => {
  it('is grouped by what it is, in the order in which it was said', () => {
    const notes: Imported['notes'] = [
      { kind: 'left out', text: 'rows have no start', count: 3 },
      { kind: 'inferred', text: 'edges were inferred from stages', count: 1200 },
      { kind: 'recorded', text: 'times are in UTC', count: -1 },
      { kind: 'inferred', text: 'lanes were found', count: 1 },
    ];
    expect(noteGroups({ ...imported, notes }).map(({ title, lines }) => [title, ...lines])).toEqual([
      ['Recorded', { count: '', text: 'Times are in UTC' }],
      [
        'Inferred',
        { count: '1,200', text: 'edges were inferred from stages' },
        { count: '1 ×', text: 'lanes were found' },
      ],
      ['Left out', { count: '3', text: 'rows have no start' }],
    ]);
    expect(noteGroups(imported)).toEqual([]);
  });

  it('names its engine, and nothing where it does not say', () => {
    expect(engineOf(runSummary({ imported }))).toBe('Spark');
    expect(engineOf(runSummary({ imported: { ...imported, system: '' } }))).toBe('');
    expect(engineOf(runSummary())).toBe('');
    expect(factsOf({ imported })).toMatchObject({ engine: 'Spark', recording: 'Spark event log 3.5, dated' });
    expect(factsOf({ imported: { ...imported, system: '' } })).toMatchObject({ engine: 'not recorded' });
    expect(factsOf({})).not.toHaveProperty('engine');
  });

  it('does not include what only the importer wrote', () => {
    expect(Object.keys(factsOf({ imported }))).not.toContain('on failure');
    expect(Object.keys(factsOf({}))).toContain('on failure');
    expect(Object.keys(factsOf({ imported }))).not.toContain('lanes');
    expect(factsOf({ imported: { ...imported, lanes: 'the lowest' } })).toMatchObject({
      lanes: 'reconstructed: the lowest',
    });
  });

  it('calls reconstructed only what was', () => {
    const base = { live: false, link: undefined, nowMs: 0, sinceEventNs: 0, records: runSummary().records };
    expect(freshness({ ...base, imported }).text).toBe('imported');
    expect(freshness({ ...base, imported: { ...imported, lanes: 'x' } }).text).toBe('imported, lanes reconstructed');
    expect(makespanFigure(runSummary({ imported }), null, undefined).title).toContain('drawn: as recorded');
    const subOf = (fromNs: number): string => {
      const bounds = { fromNs, makespanNs: 45.4e9 } as Bounds;
      return makespanFigure(runSummary({ imported }), null, bounds).sub.replaceAll('\u00a0', ' ');
    };
    expect(subOf(120e9)).toBe('tasks ran for 1.00 s of it; before it, 2m until the first task was taken');
    expect(subOf(0.1e9)).toBe('tasks ran for 1.00 s of it');
  });

  it('warns of a recording that ends too early', () => {
    const cut = { ...imported, incomplete: 'the file ends in the middle of line 7' };
    const run = runSummary({ imported: cut, status: 'interrupted' });
    expect(bannerText(run)).toMatchObject({
      title: 'The recording is incomplete: the file ends in the middle of line 7.',
      text: '89 tasks of 89 are done in it; figures are those of what it has.',
    });
    expect(bannerText(runSummary({ imported: cut }))).not.toBeNull();
    expect(statusNote(run, undefined, 0)).toBe('the recording is incomplete');
    const unknown = runSummary({ imported, status: 'interrupted' });
    expect(bannerText(unknown)?.title).toBe('How the run ended is not recorded.');
    expect(statusNote(unknown, undefined, 0)).toBe('how it ended is not recorded');
  });
});
