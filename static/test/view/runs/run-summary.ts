import type { RunSummary } from '../../../src/api/schema';

/** A finished run to vary. */
export function runSummary(of: Partial<RunSummary> = {}): RunSummary {
  return {
    run: 'r1',
    name: 'brisk-otter',
    workflow: 'montage',
    status: 'succeeded',
    revision: 0,
    params: {},
    tags: [],
    note: '',
    submitted_at: '2026-11-22T04:12:08Z',
    started_at: '2026-11-22T04:12:08Z',
    ended_at: '2026-11-22T04:12:53Z',
    policy: 'fail-fast',
    upload: 'periodic=2s',
    deadline_ns: 0,
    makespan_ns: 45.4e9,
    tasks: { total: 89, done: 89, failed: 0, skipped: 0, running: 0 },
    attempts: 89,
    retries: 0,
    edges: 213,
    output_bytes: 2e9,
    stored_bytes: 1e9,
    execute_ns: 1e11,
    workers: 1,
    result_text: '',
    error: null,
    records: { complete: true, text: 'complete' },
    live: false,
    local: false,
    last_seq: 100,
    graph_hash: 'h',
    standing: null,
    ...of,
  };
}
