import { describe, expect, it } from 'vitest';

import { footText, standingText, statusNote, unrankedText } from '../../../src/view/pages/runs/run-text';
import { bannerText } from '../../../src/view/state/banner';
import { statusWord } from '../../../src/view/state/run-words';
import { allRuns } from '../../../src/view/pages/runs/runs-url';
import { runSummary } from './run-summary';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const standing = {
  peers: { scope: 'same' as const, runs: 40, workflow: 'w', terms: [] },
  runs: 40,
  slower_than: 39,
  slower: 1,
  median_ns: 1,
  limit_ns: null,
  effect: 0,
  slow: false,
};

const imported = {
  format: 'WfFormat 1.5',
  system: '',
  incomplete: '',
  notes: [],
  recorded_ns: 1,
  explained_ns: 1,
  bytes_in: 1024,
  bytes_moved: 2048,
  bytes_out: null,
  cpu_ns: null,
  dated: true,
  lanes: '',
};

const NOW = Date.parse('2026-11-30T12:20:00Z');

describe('the words of a row', () => {
  it('says when a recording was imported, which the age of its run does not show', () => {
    const run = runSummary({ imported, added_at: '2026-11-30T12:00:00Z' });
    expect(plain(statusNote(run, undefined, NOW))).toBe('imported 20 min ago');
  });

  it('ranks a run among the others of its workflow, itself included', () => {
    expect(standingText(standing)).toBe('2nd slowest of 41');
    expect(standingText({ ...standing, slower: 40, slower_than: 0 })).toBe('fastest of 41');
  });

  it('says why a run has no rank', () => {
    expect(unrankedText(runSummary({ live: true, status: 'running' }))).toBe('ranked when it ends');
    expect(unrankedText(runSummary({ imported }))).toBe('too few like it');
    expect(unrankedText(runSummary({ status: 'failed' }))).toBe('not ranked');
    expect(unrankedText(runSummary())).toBe('too few like it');
    expect(unrankedText(runSummary({ revision: 1 }))).toBe('continued, not ranked');
  });

  it('says how far a live run is, and what is left where that can be expected', () => {
    const run = runSummary({
      live: true,
      status: 'running',
      makespan_ns: 19.3e9,
      tasks: { total: 89, done: 62, cached: 0, failed: 1, skipped: 1, running: 8, not_run: 0 },
    });
    expect(plain(statusNote(run, undefined, NOW))).toBe('72 %');
    expect(plain(statusNote(run, 41.2e9, NOW))).toBe('72 %, about 22.0 s left');
    expect(plain(statusNote(run, 12e9, NOW))).toBe('72 %');
  });

  it('says what failed, what is missing and what was retried', () => {
    const error = { kind: 'error', task: 'mDiffFit[31]', node: 31, message: 'exit status 3', attempt: 3 } as const;
    expect(statusNote(runSummary({ status: 'failed', error }), undefined, NOW)).toBe('mDiffFit[31] failed, attempt 3');
    const named = { ...error, name: 'mDiffFit_ID0000031' };
    expect(statusNote(runSummary({ status: 'failed', error: named }), undefined, NOW)).toBe(
      'mDiffFit_ID0000031 failed, attempt 3',
    );
    const deadline = { ...error, task: '', node: null, message: 'it took longer than 1 s' };
    expect(statusNote(runSummary({ status: 'failed', error: deadline }), undefined, NOW)).toBe(
      'it took longer than 1 s',
    );
    expect(statusNote(runSummary({ status: 'interrupted' }), undefined, NOW)).toContain('run it again');
    const damaged = { complete: false, text: 'damaged: header: gone', damage: 'header: gone', end_unknown: true };
    const unknown = runSummary({ records: damaged, status: 'interrupted' });
    expect(statusNote(unknown, undefined, NOW)).toBe('how it ended is not known');
    expect(statusWord(unknown)).toBe('damaged');
    expect(bannerText(unknown)).toMatchObject({ title: 'Damaged: how it ended is not known.' });
    const known = runSummary({ records: { ...damaged, end_unknown: false }, status: 'interrupted' });
    expect(statusNote(known, undefined, NOW)).toBe('its process ended; run it again');
    const records = { complete: false, text: 'partial: 60 of 62 details', damage: '', end_unknown: false };
    expect(statusNote(runSummary({ records, retries: 2 }), undefined, NOW)).toBe('partial: 60 of 62 details');
    expect(statusNote(runSummary({ retries: 2 }), undefined, NOW)).toBe('2 retries');
    expect(statusNote(runSummary(), undefined, NOW)).toBe('');
  });

  it('counts what the filter selects below the list', () => {
    const counts = { all: 88, failed: 2, running: 3, succeeded: 83 };
    const answer = { runs: [runSummary()], counts, workflows: [], engines: [] };
    expect(footText(answer, allRuns)).toBe('1 of 88 runs. Newest first; filters apply before the cut.');
    expect(footText(answer, { ...allRuns, status: ['failed', 'running'], sort: 'makespan' })).toBe(
      '1 of 5 runs. By makespan; filters apply before the cut.',
    );
  });
});
