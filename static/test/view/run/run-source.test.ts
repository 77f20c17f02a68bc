import { describe, expect, it } from 'vitest';

import type { Api } from '../../../src/api/client';
import type { RunSummary } from '../../../src/api/schema';
import type { LinkState } from '../../../src/live/link-state';
import type { LiveClient } from '../../../src/live/live-client';
import type { RunHandlers } from '../../../src/live/subscription';
import { decodeFrame, type Frame } from '../../../src/model/frame';
import { Outcome, type RunTable } from '../../../src/model/run-table';
import { RunSource } from '../../../src/view/state/run-source.svelte';
import { TaskDetail, evidenceOf } from '../../../src/view/state/task-detail.svelte';
import { encodeFrame, type FakeFrame } from '../../fake/encode-frame';
import { graphOf } from '../../fake/graph-of';

const row = {
  node: 0,
  epoch: 0,
  attempt: 1,
  worker: 0,
  slot: 0,
  flags: 0,
  readyNs: 0,
  claimedNs: 1,
  startedNs: 2,
  endedNs: 3,
  updatedNs: 4,
  fetchNs: 0,
  outputBytes: 1,
  storedBytes: NaN,
  outcome: Outcome.ok,
};
const frame = (more: Partial<FakeFrame>): Frame =>
  decodeFrame(
    encodeFrame({
      kind: 'snapshot',
      channel: 1,
      from: 0,
      to: 2,
      nowNs: 4,
      tasks: 1,
      marks: [],
      expansions: [],
      rows: [[0, row]],
      ...more,
    }),
  );
const summary = (more: Partial<RunSummary> = {}): RunSummary =>
  ({
    run: 'r',
    workflow: 'w',
    live: false,
    last_seq: 2,
    graph_hash: graphOf(['cut']).hash,
    ...more,
  }) as RunSummary;

interface World {
  readonly source: RunSource;
  readonly asked: string[];
  readonly batches: number[];
  readonly renewed: string[];
  readonly handlers: RunHandlers;
  readonly close: () => void;
}

function open(answers: Partial<Record<keyof Api, (...args: unknown[]) => unknown>> = {}): World {
  const asked: string[] = [];
  const batches: number[] = [];
  const renewed: string[] = [];
  const known: Partial<Record<keyof Api, (...args: unknown[]) => unknown>> = {
    run: () => summary(),
    graph: () => graphOf(['cut']),
    layout: () => ({ scopes: [] }),
    runWorkers: () => ({ workers: [{ worker: 0, slots: 1, name: 'a', host: 'h' }] }),
    stats: () => ({ groups: [{ key: 'cut', n: 1, min: 5, max: 5, quantiles: [], ecdf: [{ x: 5, p: 1 }] }] }),
    runs: () => ({
      runs: [{ run: 'before', makespan_ns: 7 }],
      peers: { scope: 'same', runs: 1, workflow: 'w', terms: [] },
    }),
    ...answers,
  };
  const api = new Proxy(
    {},
    {
      get:
        (_, name: string) =>
        (...args: unknown[]): Promise<unknown> => {
          asked.push(name);
          return Promise.resolve().then(() => known[name as keyof Api]!(...args));
        },
    },
  ) as Api;
  let handlers: RunHandlers | undefined;
  const link: LinkState = { kind: 'open', sinceMs: 0, lastMs: 0, transport: 'socket' };
  const live = {
    state: link,
    subscribeRun: (_: string, given: RunHandlers) => {
      handlers = given;
      return () => asked.push('unsubscribe');
    },
  } as unknown as LiveClient;
  const source = new RunSource({
    api,
    live,
    run: 'r',
    track: (work) => work,
    onbatch: (table: RunTable) => batches.push(table.seq),
    onrenew: (next) => {
      renewed.push(`before ${next.workflow}: ${String(source.table.rows)}`);
      return () => renewed.push(`after: ${String(source.table.rows)}`);
    },
  });
  const close = source.open();
  return { source, asked, batches, renewed, handlers: handlers!, close };
}

/** Lets every promise that is under way settle. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe('the source of a run', () => {
  it('shows a past run once it has its rows, not before', async () => {
    const { source, handlers } = open();
    await settled();
    expect([source.ready, source.index?.tasks]).toEqual([false, 1]);
    handlers.frame(frame({ ended: true }));
    expect([source.ready, source.table.rows, source.table.ended]).toEqual([true, 1, true]);
  });

  it('shows a live run at once, and a past one whose stream cannot be opened', async () => {
    const live = open({ run: () => summary({ live: true }) });
    const cut = open();
    await settled();
    expect([live.source.ready, cut.source.ready]).toEqual([true, false]);
    cut.handlers.status?.({ kind: 'waiting', sinceMs: 0, lastMs: NaN, retryMs: 1, attempt: 1, reason: 'closed' });
    expect([cut.source.ready, cut.source.linked]).toEqual([true, false]);
  });

  it('reports a batch once, after its last frame', () => {
    const { batches, source, handlers } = open();
    const before = source.version;
    handlers.frame(frame({ to: 0, more: true }));
    expect([batches, source.version]).toEqual([[], before]);
    handlers.frame(frame({ rows: [] }));
    expect([batches, source.version]).toEqual([[2], before + 1]);
  });

  it('asks for a snapshot where a frame does not follow', () => {
    const { handlers } = open();
    expect(handlers.frame(frame({}))).toBe(true);
    expect(handlers.frame(frame({ kind: 'patch', from: 7, to: 9 }))).toBe(false);
  });

  it('compares with the peers before the run, and says nothing with few of them', async () => {
    const queries: object[] = [];
    const peers = (runs: number) => ({ scope: 'same', runs, workflow: 'w', terms: ['n=8'] });
    const { source, asked } = open({
      stats: (query) => {
        queries.push(query as object);
        return { groups: [{ key: 'cut', n: 1, min: 5, max: 5, quantiles: [], ecdf: [{ x: 5, p: 1 }] }] };
      },
      runs: (query) => {
        queries.push(query as object);
        const wide = (query as { peers: string }).peers === 'workflow';
        return { runs: [{ run: 'before', makespan_ns: wide ? 70 : 7 }], peers: peers(wide ? 40 : 4) };
      },
    });
    await settled();
    expect(queries).toEqual([]);
    source.compareWith('same');
    await settled();
    expect(asked.filter((name) => name === 'stats')).toHaveLength(1);
    expect(queries).toEqual([
      expect.objectContaining({ before: 'r', peers: 'same' }),
      expect.objectContaining({ before: 'r', peers: 'same' }),
    ]);
    expect(source.past?.get('cut')?.n).toBe(1);
    expect([source.pastMakespans, source.comparable]).toEqual([[7], false]);
    source.compareWith('workflow');
    await settled();
    expect([source.pastMakespans, source.comparable, source.peers?.runs]).toEqual([[70], true, 40]);
  });

  it('knows where a run stands as soon as it has ended', async () => {
    const standing = {
      peers: { scope: 'same' as const, runs: 5, workflow: 'w', terms: [] },
      runs: 5,
      slower: 1,
      slower_than: 4,
      median_ns: 1,
      effect: 0,
      limit_ns: null,
      slow: false,
    };
    let ended = false;
    const { source, handlers } = open({ run: () => summary({ live: !ended, standing: ended ? standing : null }) });
    source.compareWith('same');
    await settled();
    expect(source.standing).toBeNull();
    ended = true;
    handlers.summary?.(summary({ live: false }));
    await settled();
    expect(source.standing).toEqual(standing);
  });

  it('works without what it can do without', async () => {
    const fails = (): never => {
      throw new Error('no');
    };
    const { source, handlers } = open({ layout: fails, stats: fails, runs: fails, runWorkers: fails });
    source.compareWith('same');
    handlers.frame(frame({}));
    await settled();
    expect([source.ready, source.layout, source.problem, source.past?.size]).toEqual([true, null, undefined, 0]);
  });

  it('says why there is nothing to show, and tries again', async () => {
    let known = false;
    const problem = new Error('gone');
    const { source } = open({
      graph: () => {
        if (known) return graphOf(['cut']);
        throw problem;
      },
    });
    await settled();
    expect([source.problem, source.ready]).toEqual([problem, false]);
    known = true;
    await source.load();
    expect(source.problem).toBeUndefined();
  });

  it('asks for the workers again when the run ends', async () => {
    const { asked, handlers } = open({ run: () => summary({ live: true }) });
    await settled();
    const before = asked.filter((name) => name === 'runWorkers').length;
    handlers.summary?.(summary({ live: false }));
    expect(asked.filter((name) => name === 'runWorkers')).toHaveLength(before + 1);
  });

  it('asks for the workers of a run that is over once, along with the rest', async () => {
    const { asked, handlers } = open();
    expect(asked).toContain('runWorkers');
    handlers.frame(frame({ ended: true, marks: [{ kind: 3, atNs: 0, value: 0 }] }));
    await settled();
    expect(asked.filter((name) => name === 'runWorkers')).toHaveLength(1);
  });

  it('asks for the workers again when one comes or goes', async () => {
    const { asked, handlers } = open({ run: () => summary({ live: true }) });
    await settled();
    const count = () => asked.filter((name) => name === 'runWorkers').length;
    const before = count();
    handlers.frame(frame({ marks: [{ kind: 3, atNs: 0, value: 0 }] }));
    expect(count()).toBe(before + 1);
    handlers.frame(frame({ kind: 'patch', from: 2, to: 3, rows: [] }));
    expect(count()).toBe(before + 1);
    handlers.frame(frame({ kind: 'patch', from: 3, to: 4, rows: [], marks: [{ kind: 4, atNs: 9, value: 0x10000 }] }));
    expect(count()).toBe(before + 2);
  });

  it('ends its subscription', () => {
    const { asked, close } = open();
    close();
    expect(asked).toContain('unsubscribe');
  });
});

describe('the detail of a task', () => {
  const task = (node: number): unknown => ({
    node,
    attempts: [
      {
        attempt: 1,
        epoch: 0,
        updated_ns: 10,
        log: '',
        error: { kind: 'exit', message: 'boom', stack: '', exit_code: 3, signal: '', worker: 'a', host: 'h' },
      },
      { attempt: 2, epoch: 0, updated_ns: 30, log: 'bye' },
    ],
  });

  it('is asked for when the selection or the number of ends changes, and not else', async () => {
    const asked: number[] = [];
    const api = {
      task: (_: string, node: number) => Promise.resolve(asked.push(node)).then(() => task(node)),
    } as unknown as Api;
    const detail = new TaskDetail(api, 'r', (work) => work);
    for (const [node, ended] of [
      [4, 0],
      [4, 0],
      [4, 1],
      [5, 0],
      [-1, 0],
    ] as const) {
      detail.ask(node, ended);
      await settled();
    }
    expect(asked).toEqual([4, 4, 5]);
    expect(detail.of(5)).toBeUndefined();
  });

  it('shows evidence of what had ended by the moment', () => {
    const { attempts } = task(1) as Parameters<typeof evidenceOf>[0] extends readonly (infer A)[]
      ? { attempts: A[] }
      : never;
    expect(evidenceOf(attempts, 5)).toEqual([]);
    expect(evidenceOf(attempts, 20).map((one) => one.error?.place)).toEqual(['exit code 3, on a (h)']);
    expect(evidenceOf(attempts, 30).map((one) => one.log)).toEqual(['bye', '']);
    const nowhere = attempts.map(({ error, ...one }) =>
      error === undefined ? one : { ...one, error: { ...error, worker: 'unknown', host: '' } },
    );
    expect(evidenceOf(nowhere, 20).map((one) => one.error?.place)).toEqual(['exit code 3']);
  });
});

describe('a run that grows', () => {
  const two = { ...graphOf(['cut', 'sew']), hash: 'two' };
  const longer = summary({ workflow: 'longer', graph_hash: two.hash });
  const rows: FakeFrame['rows'] = [
    [0, row],
    [1, { ...row, node: 1 }],
  ];

  it('shows what it has until all of the longer recording is there, then that alone', async () => {
    let graph = graphOf(['cut']);
    const { source, handlers, renewed, batches } = open({ graph: () => graph });
    handlers.frame(frame({ ended: true }));
    await settled();
    graph = two;
    handlers.restarted?.();
    handlers.summary?.(longer);
    handlers.frame(frame({ to: 3, more: true, ended: true, rows }));
    await settled();
    expect([source.table.rows, source.index?.tasks, source.edition, renewed]).toEqual([1, 1, 0, []]);
    expect(handlers.frame(frame({ kind: 'patch', from: 9, to: 9, rows: [] }))).toBe(false);
    expect(handlers.frame(frame({ kind: 'patch', from: 3, to: 4, rows: [], ended: true }))).toBe(true);
    expect([source.table.rows, source.index?.tasks, source.edition]).toEqual([2, 2, 1]);
    expect([source.summary?.workflow, source.table.seq, batches.at(-1)]).toEqual(['longer', 4, 4]);
    expect(renewed).toEqual(['before longer: 1', 'after: 2']);
    handlers.frame(frame({ kind: 'patch', from: 4, to: 5, rows: [], ended: true }));
    expect(source.table.seq).toBe(5);
  });

  it('asks again for a graph that is of another version', async () => {
    let answers = 0;
    const { source, handlers } = open({ graph: () => (++answers < 4 ? graphOf(['cut']) : two) });
    handlers.frame(frame({ ended: true }));
    await settled();
    handlers.restarted?.();
    handlers.summary?.(longer);
    handlers.frame(frame({ to: 3, ended: true, rows }));
    await expect.poll(() => source.index?.tasks).toBe(2);
    expect(answers).toBe(4);
  });

  it('shows a version whose graph comes late although the next one has begun', async () => {
    const three = { ...graphOf(['cut', 'sew', 'iron']), hash: 'three' };
    const graphs: (() => void)[] = [];
    let next = graphOf(['cut']);
    const { source, handlers } = open({
      graph: () => {
        const graph = next;
        return graph === two || graph === three ? new Promise((resolve) => graphs.push(() => resolve(graph))) : graph;
      },
    });
    handlers.frame(frame({ ended: true }));
    await settled();
    next = two;
    handlers.restarted?.();
    handlers.summary?.(longer);
    handlers.frame(frame({ to: 3, ended: true, rows }));
    await settled();
    next = three;
    handlers.restarted?.();
    handlers.summary?.(summary({ graph_hash: three.hash }));
    graphs.shift()!();
    await expect.poll(() => source.index?.tasks).toBe(2);
    handlers.frame(frame({ to: 5, ended: true, rows }));
    await expect.poll(() => graphs.length).toBe(1);
    graphs.shift()!();
    await expect.poll(() => source.index?.tasks).toBe(3);
    expect(source.edition).toBe(2);
  });

  it('does not draw frames of one version on the graph of another', async () => {
    const { source, handlers } = open();
    await settled();
    handlers.summary?.(longer); // the run has grown between the answer and the stream
    handlers.frame(frame({ to: 3, ended: true, rows }));
    expect([source.index?.tasks, source.table.rows]).toEqual([1, 0]);
  });
});
