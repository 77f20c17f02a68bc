import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Worker } from '../../../src/api/schema';
import { poll } from '../../../src/view/pages/workers/poll';
import { MOMENTS, remembered, workerKey } from '../../../src/view/pages/workers/worker-list.svelte';
import { isSilent, slotsText } from '../../../src/view/pages/workers/worker-text';

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
  warm: true,
  runs: [],
  tasks_done: 1,
  cpu_ns: 1,
  memory_bytes: 1,
  ...of,
});

describe('workers', () => {
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

describe('asking while somebody looks', () => {
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
