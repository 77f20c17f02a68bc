import { describe, expect, it } from 'vitest';

import type { Api } from '../../../src/api/client';
import { Problem } from '../../../src/api/problem';
import type { RunSummary, RunWorker, Savings } from '../../../src/api/schema';
import { GraphIndex } from '../../../src/model/graph-index';
import { Outcome } from '../../../src/model/run-table';
import type { AppState } from '../../../src/view/state/app.svelte';
import { missingText } from '../../../src/view/state/banner';
import { factsOf } from '../../../src/view/state/inspect';
import { isRoot, RootSchedule, scheduleText } from '../../../src/view/state/root-schedule.svelte';
import { RunControl } from '../../../src/view/state/run-control.svelte';
import { runFacts, workerLines } from '../../../src/view/state/run-facts';
import { statusWord } from '../../../src/view/state/run-words';
import type { RunView } from '../../../src/view/state/run.svelte';
import { savingsTable } from '../../../src/view/state/savings';
import { ServerFace } from '../../../src/view/state/server-face.svelte';
import { TaskDetail } from '../../../src/view/state/task-detail.svelte';
import { graphOf } from '../../fake/graph-of';
import { tableOf } from '../../fake/table-of';
import { runSummary } from '../runs/run-summary';

const write = { duration: (ns: number) => `${ns} ns`, bytes: (n: number) => `${n} B`, count: String };
const nothing: Savings = {
  became: 0,
  invoked: 0,
  clustered: 0,
  delayed_held: 0,
  delayed_stored: 0,
  not_stored_bytes: 0,
  stored_bytes: 0,
  inline_bytes: 0,
  fetched_bytes: 0,
  preloaded: 0,
  preload_ns: 0,
  invalidated: 0,
  commands: 0,
  round_trips: 0,
};
it('says what was used, of how many attempts that is known, and what it cost', () => {
  const used = { attempts: 10, cpu_ns: 5, cpu_attempts: 9, memory_byte_s: 7, memory_attempts: 10, cost: 0.123456 };
  const named = (of: Partial<typeof used>) =>
    Object.fromEntries(
      runFacts(runSummary({ used: { ...used, ...of } }), write).map(({ name, value }) => [name, value]),
    );
  expect(named({})).toMatchObject({ CPU: '5 ns in 9 of 10 attempts', memory: '7 B·s', cost: '0.123' });
  expect(Object.keys(named({ cost: null as unknown as number, memory_attempts: 0 }))).not.toContain('memory');
  expect(runFacts(runSummary(), write).map(({ name }) => name)).not.toContain('CPU');
});

const worker = (number: number, of: Partial<RunWorker> = {}): RunWorker => ({
  worker: number,
  name: `a-${String(number)}`,
  host: 'a',
  pid: 1,
  width: 2,
  slots: 2,
  warm: false,
  startup_ns: 0,
  started_ns: 0,
  ended_ns: 9,
  cpu_ns: 0,
  memory_bytes: 0,
  ...of,
});

describe('a function that no worker has', () => {
  const missing = (name: string, tasks = 1, version = 0) => ({ function: name, version, tasks, too_large: '' });

  it('is said in a sentence, with what waits for it', () => {
    expect(missingText([])).toBeNull();
    expect(missingText([missing('cut')])?.title).toBe('No worker has cut (1 task waits).');
    expect(missingText([missing('cut', 7, 2), missing('fit')])?.title).toBe(
      'No worker has cut@2 (7 tasks wait) and fit (1 task waits).',
    );
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => missing(name));
    expect(missingText(many)?.title).toBe(
      'No worker has a (1 task waits), b (1 task waits), c (1 task waits) and 2 more functions.',
    );
  });

  it('is told apart from one that no worker is large enough for', () => {
    const large = { ...missing('fit', 2), too_large: 'a call needs 8 processors, the largest worker has 2 processors' };
    expect(missingText([missing('cut'), large])?.title).toBe(
      'No worker is large enough for fit (2 tasks wait): a call needs 8 processors, the largest worker has 2 processors.',
    );
  });
});

describe('how a shared run stands', () => {
  it('goes with its revision and what was lost', () => {
    expect(statusWord(runSummary({ revision: 2, retries: 1, lost: 3 }))).toBe('succeeded, revision 2, 1 retry, 3 lost');
    const fact = (name: string, of: Partial<RunSummary>) =>
      runFacts(runSummary(of), write).find((one) => one.name === name)?.value;
    expect(fact('revision', {})).toBeUndefined();
    expect(fact('revision', { revision: 1 })).toBe('1: continued once after it had ended');
    expect(fact('lost', { lost: 2 })).toBe('2 attempts with a worker');
    expect(fact('placement', { rules: {} })).toBe('all rules');
    expect(fact('placement', { rules: { no_delay: true, store_all: true, cluster_bytes: 5 } })).toBe(
      'no holding, all stored; large from 5 B',
    );
  });

  it('says of each worker how it began, and whether it was lost', () => {
    const all = [worker(0, { warm: true }), worker(1, { startup_ns: 7 }), worker(2)];
    const lines = workerLines(all, new Set([2]), write);
    expect(lines.map(({ name, start, lost }) => [name, start, lost])).toEqual([
      ['w0', 'warm', false],
      ['w1', 'cold, 7 ns', false],
      ['w2', 'lost', true],
    ]);
    expect(lines[2]!.title).toContain('cold, lost');
  });

  it('lists as many workers as can be read, the lost ones first', () => {
    const all = Array.from({ length: 16_384 }, (_, i) => worker(i));
    const lines = workerLines(all, new Set([9_000]), write);
    expect(lines.slice(0, 3).map(({ name }) => name)).toEqual(['w9000', 'w0', 'w1']);
    expect(lines).toHaveLength(50);
  });

  it('sums up what the rules saved, without what is nothing everywhere', () => {
    expect(savingsTable([worker(0)])).toBeNull();
    const table = savingsTable([
      worker(0, { saved: { ...nothing, became: 1200, not_stored_bytes: 1 << 20 } }),
      worker(1),
      worker(2, { saved: { ...nothing, became: 34 } }),
    ])!;
    expect(table.columns).toEqual(['w0', 'w2']);
    expect(table.lines.map(({ label, sum, each }) => [label, sum.replaceAll('\u00a0', ' '), each.length])).toEqual([
      ['continued with', '1,234', 2],
      ['not stored', '1.00 MiB', 2],
    ]);
    expect(table.lines[1]!.each[1]).toBe('');
    expect(savingsTable([worker(0, { saved: nothing })])!.lines).toEqual([]);
  });
});

describe('a task that is done again', () => {
  const graph = graphOf(['cut']);
  const times = { readyNs: 0, claimedNs: 1, startedNs: 2, endedNs: 3, updatedNs: 4, worker: 0 };
  const table = tableOf([
    { ...times, outcome: Outcome.failed },
    { ...times, epoch: 1, readyNs: 10, claimedNs: 11, startedNs: 12, endedNs: 13, updatedNs: 14, outcome: Outcome.ok },
  ]);
  const index = new GraphIndex(graph, table);

  it('lists its attempts by epoch', () => {
    expect(factsOf(index, table, 0, 20)).toMatchObject({
      epoch: 1,
      attempt: 1,
      attempts: [
        { epoch: 0, attempt: 1, state: 'failed', current: false },
        { epoch: 1, attempt: 1, state: 'succeeded', current: true },
      ],
    });
  });

  it('has the inputs of the epoch that is shown', async () => {
    const input = (source: string) => ({ from: 5, task: 'a', source, bytes: 9, fetch_ns: 3 });
    const attempts = [0, 1].map((epoch) => ({ epoch, attempt: 1, inputs: [input(epoch === 0 ? 'local' : 'store')] }));
    const api = { task: () => Promise.resolve({ node: 0, attempts }) } as unknown as Api;
    const detail = new TaskDetail(api, 'r', (work) => work);
    detail.ask(0, 2);
    await new Promise((resolve) => setTimeout(resolve));
    const via = (epoch: number) => detail.inputsOf(0, { epoch, attempt: 1 }, () => null)?.map((line) => line.via);
    expect([via(0), via(1), via(2)]).toEqual([['local'], ['store'], undefined]);
  });
});

describe('retrying', () => {
  interface Asked {
    readonly control: RunControl;
    readonly queries: unknown[];
    readonly went: string[];
    readonly taken: RunSummary[];
  }

  function controlOf(
    of: Partial<RunSummary>,
    shared: boolean,
    answer: RunSummary | Promise<RunSummary> = runSummary(),
  ): Asked {
    const [queries, went, taken]: [unknown[], string[], RunSummary[]] = [[], [], []];
    const app = {
      server: { shared },
      track: async <T>(work: T) => await work,
      say: () => undefined,
      navigate: (path: string) => went.push(path),
      api: { retry: (_: string, query: unknown) => (queries.push(query), answer) },
    } as unknown as AppState;
    const view = {
      app,
      run: 'r1',
      summaryNow: runSummary(of),
      source: { takeSummary: (summary: RunSummary) => taken.push(summary) },
    } as unknown as RunView;
    return { control: new RunControl(view), queries, went, taken };
  }

  it('continues the same run where something of it is left', async () => {
    const next = runSummary({ status: 'running', revision: 1, live: true });
    const { control, queries, went, taken } = controlOf({ status: 'failed' }, true, next);
    expect(control.canContinue).toBe(true);
    await control.continueRun();
    expect([queries, went, taken]).toEqual([[{}], [], [next]]);
  });

  it('opens the new run where nothing is left, and where that was asked for', async () => {
    const { control, queries, went, taken } = controlOf({ status: 'cancelled' }, true, runSummary({ run: 'r2' }));
    await control.continueRun();
    await control.again();
    expect([queries, went, taken]).toEqual([[{}, { new: true }], ['/runs/r2', '/runs/r2'], []]);
  });

  it('is for runs that several processes share and that did not end well', async () => {
    expect(controlOf({ status: 'succeeded' }, true).control.canContinue).toBe(false);
    const alone = controlOf({ status: 'failed' }, false, runSummary({ run: 'r2' }));
    expect(alone.control.canContinue).toBe(false);
    await alone.control.again();
    expect(alone.queries).toEqual([{}]);
  });

  it('opens the form where a file is to be chosen again, and stays where no form helps', async () => {
    const refused = (status: number, detail: string) => Promise.reject(new Problem({ status, title: '', detail }));
    const file = controlOf({ workflow: 'wordcount', params: { input: 'a.txt' } }, false, refused(409, 'is not kept'));
    await file.control.again();
    expect(file.went).toEqual([expect.stringContaining('launch=wordcount')]);
    const unknown = controlOf({ workflow: 'theirs' }, false, refused(422, 'this server has no workflow "theirs"'));
    await unknown.control.again();
    expect([unknown.went, unknown.control.problem]).toEqual([[], 'this server has no workflow "theirs"']);
  });

  it('is not offered for a recording, nor another run of it', () => {
    const imported = { recorded_ns: 10e9, explained_ns: 6e9 } as RunSummary['imported'];
    const offers = (of: Partial<RunSummary>, shared = false) => controlOf(of, shared).control.canRunAgain;
    expect(offers({ status: 'succeeded' })).toBe(true);
    expect(offers({ status: 'succeeded', imported })).toBe(false);
    expect(offers({ status: 'interrupted', imported })).toBe(false);
    expect(offers({ status: 'running', live: true })).toBe(false);
    expect(offers({ status: 'failed' }, true)).toBe(false);
  });
});

describe('the schedule of a root', () => {
  it('is said in words', () => {
    const size = { tasks: 31, became: 12, invoked: 15, fan_ins: 3 };
    expect(scheduleText(size)).toBe('leads to 30 tasks; 12 steps continued with, 15 handed out, 3 fan-ins');
    expect(scheduleText({ tasks: 2, became: 1, invoked: 0, fan_ins: 0 })).toBe(
      'leads to 1 task; 1 step continued with',
    );
    expect(scheduleText({ tasks: 1, became: 0, invoked: 0, fan_ins: 0 })).toBe('nothing waits for it');
  });

  it('is asked for once, and of roots alone', async () => {
    const asked: number[] = [];
    const schedule = (_: string, root: number) =>
      Promise.resolve({ root, tasks: 1, became: 0, invoked: 0, fan_ins: 0, n: asked.push(root) });
    const roots = new RootSchedule({ schedule } as unknown as Api, 'r', (work) => work);
    for (const root of [-1, 4, 4]) roots.ask(root);
    await new Promise((resolve) => setTimeout(resolve));
    expect([asked, roots.textOf(4), roots.textOf(5)]).toEqual([[4], 'nothing waits for it', '']);
    roots.ask(-1);
    expect(roots.textOf(4)).toBe('');
    const index = new GraphIndex(graphOf(['a', 'b'], [[0, 1]]), tableOf([]));
    expect([-1, 0, 1, 9].map((node) => isRoot(index, node))).toEqual([false, true, false, false]);
  });
});

describe('what the service is', () => {
  it('is a process alone until it has answered, and where it does not', async () => {
    let work: Promise<unknown> = Promise.resolve();
    const track = <T>(asked: Promise<T>): Promise<T> => {
      work = asked;
      return asked;
    };
    const shared = { shared: true, worker_command: 'dagscope worker', program: 'mine', place: "--data '/srv/my runs'" };
    const face = new ServerFace({ server: () => Promise.resolve(shared) } as unknown as Api, track);
    expect([face.shared, face.workerCommand, face.command('demo')]).toEqual([false, 'dagscope serve', 'dagscope demo']);
    await work;
    expect([face.shared, face.workerCommand]).toEqual([true, 'dagscope worker']);
    expect(face.command('runs')).toBe("mine runs --data '/srv/my runs'");
    const mute = new ServerFace({ server: () => Promise.reject(new Error('no')) } as unknown as Api, track);
    expect(mute.shared).toBe(false);
    await work;
    expect(mute.shared).toBe(false);
  });
});
