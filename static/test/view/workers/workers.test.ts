import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Worker } from '../../../src/api/schema';
import { poll } from '../../../src/view/state/poll';
import { fullOf, MOMENTS, remembered, workerKey } from '../../../src/view/pages/workers/worker-list.svelte';
import { hostsOf, hostText } from '../../../src/view/pages/workers/hosts';
import {
  beatText,
  functionsText,
  isSilent,
  preparingText,
  runPartText,
  slotsText,
} from '../../../src/view/pages/workers/worker-text';

const worker = (of: Partial<Worker> = {}): Worker => ({
  name: 'w1',
  host: 'h',
  pid: 1,
  width: 2,
  slots: 8,
  busy: 3,
  leaked: 0,
  started_at: '2026-11-22T00:00:00Z',
  last_beat: '2026-11-22T00:00:10Z',
  lost: false,
  warm: true,
  functions: [],
  code: false,
  runs: [],
  tasks_done: 1,
  task_memory_bytes: 0,
  cpu_ns: 1,
  memory_bytes: 1,
  ...of,
});

describe('workers', () => {
  it('stand under their hosts, the lost ones last', () => {
    const all = [
      worker({ host: 'b', name: 'b-1', slots: 1, busy: 1 }),
      worker({ host: 'a', name: 'a-3', lost: true }),
      worker({ host: 'a', name: 'a-2', slots: 4, busy: 0 }),
      worker({ host: 'a', name: 'a-1' }),
      worker({ host: 'c', name: 'c-1', lost: true }),
    ];
    const hosts = hostsOf(all);
    expect(hosts.map((host) => [host.name, host.workers.map(({ name }) => name)])).toEqual([
      ['a', ['a-1', 'a-2', 'a-3']],
      ['b', ['b-1']],
      ['c', ['c-1']],
    ]);
    expect(hosts.map(hostText)).toEqual([
      '2 processes, 3 of 12 slots busy, 1 lost',
      '1 process, 1 of 1 slot busy',
      '1 process lost',
    ]);
    expect(slotsText(all)).toBe('4 of 13 slots on 6 processors work.');
  });

  it('say what they can do, what they hold, and when they were last heard of', () => {
    expect(functionsText(worker())).toMatchObject({ text: '' });
    expect(functionsText(worker({ functions: ['cut', 'fit@2'] }))).toEqual({
      text: ', 2 functions',
      title: 'It can execute cut, fit@2',
    });
    const part = { run: 'r', name: 'n', workflow: 'w', running: 2, number: null, claims: null };
    expect(runPartText(part)).toBe('2 tasks');
    expect(runPartText({ ...part, number: 3, claims: 7 })).toBe('as w3, 2 tasks, 7 held');
    expect(runPartText({ ...part, number: 0, claims: 2 })).toBe('as w0, 2 tasks');
    const now = Date.parse('2026-11-22T00:00:12Z');
    const beat = (of: Partial<Worker>, ms: number) => beatText(worker(of), ms).text.replaceAll('\u00a0', ' ');
    expect(beat({}, now)).toBe('2 s');
    expect(beat({}, now + 30_000)).toBe('32 s, silent');
    expect(beat({ lost: true }, now + 30_000)).toBe('lost, 32 s');
    expect([beatText(worker(), now).silent, beatText(worker(), now + 30_000).silent]).toEqual([false, true]);
  });

  it('say what they make ready, for how long, and how large it is', () => {
    const one = { key: 'k', name: 'requirements.txt', bytes: 0, run: 'r', since: '2026-11-22T00:00:00Z' };
    const now = Date.parse('2026-11-22T00:00:12Z');
    const text = (bytes: number) => preparingText({ ...one, bytes }, now).replaceAll('\u00a0', ' ');
    expect(text(0)).toBe('preparing requirements.txt for 12 s');
    expect(text(34 << 20)).toBe('preparing requirements.txt for 12 s, 34.0 MiB so far');
  });

  it('opens with how many slots work', () => {
    expect(slotsText([worker(), worker({ busy: 8 })])).toBe('11 of 16 slots on 4 processors work.');
    expect(slotsText([worker({ busy: 8 })])).toBe('All 8 slots on 2 processors work.');
    expect(slotsText([worker({ busy: 0, slots: 1, width: 1 })])).toBe('All 1 slot on 1 processor is idle.');
    expect(slotsText([worker({ slots: 0, busy: 0 })])).toBe('No slot is open yet on 2 processors.');
  });

  it('calls one silent that was not heard of for ten seconds', () => {
    expect(isSilent(worker(), Date.parse('2026-11-22T00:00:20Z'))).toBe(false);
    expect(isSilent(worker(), Date.parse('2026-11-22T00:00:21Z'))).toBe(true);
  });

  it('keeps the last moments of those there are', () => {
    let history: ReturnType<typeof remembered> = new Map();
    for (let i = 0; i < MOMENTS + 5; i++) history = remembered(history, [worker({ busy: i })]);
    const moments = history.get(workerKey(worker()))!;
    expect([moments.length, moments.at(-1)!.busy]).toEqual([MOMENTS, MOMENTS + 4]);
    expect(remembered(history, [worker({ pid: 2 })]).get(workerKey(worker({ pid: 2 })))).toHaveLength(1);
  });
});

describe('the strip of a worker', () => {
  it('is full where all processors are busy, whatever slots are left of tasks that slept', () => {
    const history = remembered(new Map(), [worker({ busy: 2, slots: 32, width: 2 })]);
    const moments = history.get(workerKey(worker()))!;
    expect(moments.map(({ busy }) => busy / fullOf(moments))).toEqual([1]);
  });

  it('has room for more busy slots than processors', () => {
    const busy = [2, 32, 0].map((n) => ({ busy: n, width: 2 }));
    expect(busy.map((moment) => moment.busy / fullOf(busy))).toEqual([2 / 32, 1, 0]);
    expect(fullOf([])).toBe(1);
  });
});

describe('asking while the page is visible', () => {
  const timers = globalThis;
  let page: Document & { turn(hidden: boolean): void };

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('window', { setTimeout: timers.setTimeout, clearTimeout: timers.clearTimeout });
    let listener = (): void => undefined;
    const fake = {
      hidden: false,
      addEventListener: (_: string, call: () => void) => (listener = call),
      removeEventListener: () => (listener = () => undefined),
      turn: (hidden: boolean) => {
        fake.hidden = hidden;
        listener();
      },
    };
    page = fake as unknown as typeof page;
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('asks at once and then every so often, one request at a time', async () => {
    const ask = vi.fn(async () => undefined);
    const stop = poll(page, 1500, ask);
    expect(ask).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3000);
    expect(ask).toHaveBeenCalledTimes(3);
    stop();
    await vi.advanceTimersByTimeAsync(6000);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('rests while the page is hidden and asks at once when it is back', async () => {
    const ask = vi.fn(async () => undefined);
    poll(page, 1500, ask);
    await vi.advanceTimersByTimeAsync(0);
    page.turn(true);
    await vi.advanceTimersByTimeAsync(9000);
    expect(ask).toHaveBeenCalledTimes(1);
    page.turn(false);
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
