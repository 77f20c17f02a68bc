import { describe, expect, it } from 'vitest';

import { listQuery, merge } from '../../../src/view/pages/runs/run-list.svelte';
import { allRuns } from '../../../src/view/pages/runs/runs-url';
import { runSummary } from './run-summary';

const live = runSummary({ run: 'a', status: 'running', live: true, makespan_ns: 1 });
const past = runSummary({ run: 'b' });
const answer = { runs: [live, past], counts: { all: 2 }, workflows: ['montage'], engines: ['dagscope'] };

describe('a list that is kept up to date', () => {
  it('replaces a run that moved on, in its place, and leaves the others untouched', () => {
    const moved = { ...live, makespan_ns: 2 };
    const merged = merge(answer, [moved]);
    expect(merged.answer.runs[0]).toBe(moved);
    expect(merged.answer.runs[1]).toBe(past);
    expect(merged.asks).toBe(false);
  });

  it('asks again when a run ends, is tagged, or is new: counts, order and filters may differ', () => {
    expect(merge(answer, [{ ...live, status: 'succeeded', live: false }]).asks).toBe(true);
    expect(merge(answer, [{ ...past, tags: ['x'] }]).asks).toBe(true);
    const added = merge(answer, [runSummary({ run: 'c' })]);
    expect(added.asks).toBe(true);
    expect(added.answer.runs).toEqual(answer.runs);
  });

  it('asks the service for no more than what was chosen', () => {
    expect(listQuery(allRuns, 0)).toEqual({ limit: 50, sort: 'started', order: 'desc' });
    const query = { ...allRuns, text: ' otter ', status: ['failed' as const], period: '7d' as const, cursor: 'c' };
    expect(listQuery(query, Date.parse('2026-11-22T00:00:00Z'))).toEqual({
      limit: 50,
      sort: 'started',
      order: 'desc',
      text: 'otter',
      status: ['failed'],
      cursor: 'c',
      from: '2026-11-15T00:00:00.000Z',
    });
  });
});
