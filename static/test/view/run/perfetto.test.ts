import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { openInPerfetto, PERFETTO, type Host, type Opened } from '../../../src/view/state/perfetto';

/** A page and the window that it opens, neither of which leaves this process. */
class Stand implements Host {
  readonly sent: [unknown, string][] = [];
  readonly heard = new Set<(event: MessageEvent) => void>();
  readonly opened: string[] = [];
  readonly child: Opened & { closed: boolean } = {
    closed: false,
    postMessage: (message, origin) => void this.sent.push([message, origin]),
    close: () => void (this.child.closed = true),
  };

  open(url: string): Opened {
    this.opened.push(url);
    return this.child;
  }

  addEventListener(_: 'message', heard: (event: MessageEvent) => void): void {
    this.heard.add(heard);
  }

  removeEventListener(_: 'message', heard: (event: MessageEvent) => void): void {
    this.heard.delete(heard);
  }

  say(data: unknown, origin = PERFETTO, source: unknown = this.child): void {
    for (const heard of this.heard) heard({ data, origin, source } as MessageEvent);
  }

  /** What was sent but for questions. */
  get traces(): [unknown, string][] {
    return this.sent.filter(([message]) => message !== 'PING');
  }
}

describe('open in Perfetto', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const buffer = new ArrayBuffer(3);
  const load = (): Promise<ArrayBuffer> => Promise.resolve(buffer);

  it('asks until there is an answer, and then sends the trace to that site alone', async () => {
    const stand = new Stand();
    const done = openInPerfetto(stand, load, 'w-1');
    expect(stand.opened).toEqual([PERFETTO]);
    await vi.advanceTimersByTimeAsync(120);
    expect(stand.sent).toEqual([
      ['PING', PERFETTO],
      ['PING', PERFETTO],
    ]);
    stand.say('PONG', 'https://elsewhere.example');
    stand.say('PONG', PERFETTO, {});
    stand.say('something else');
    await vi.advanceTimersByTimeAsync(0);
    expect(stand.traces).toEqual([]);
    stand.say('PONG');
    await done;
    expect(stand.traces).toEqual([[{ perfetto: { buffer, title: 'w-1' } }, PERFETTO]]);
    expect(stand.heard.size).toBe(0);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(stand.traces).toHaveLength(1);
  });

  it('says so after 10 s without an answer, and sends nothing', async () => {
    const stand = new Stand();
    const done = expect(openInPerfetto(stand, load, 'w')).rejects.toThrow('did not answer within 10 s');
    await vi.advanceTimersByTimeAsync(10_000);
    await done;
    stand.say('PONG');
    expect(stand.traces).toEqual([]);
    expect(stand.heard.size).toBe(0);
  });

  it('says why where the window is closed, was not opened, or there is no trace', async () => {
    const closed = new Stand();
    const done = expect(openInPerfetto(closed, load, 'w')).rejects.toThrow('was closed');
    closed.child.closed = true;
    await vi.advanceTimersByTimeAsync(50);
    await done;
    const blocked = new Stand();
    blocked.open = () => null as never;
    await expect(openInPerfetto(blocked, load, 'w')).rejects.toThrow('did not open a window');
    const broken = new Stand();
    const failed = openInPerfetto(broken, () => Promise.reject(new Error('no such run')), 'w');
    await expect(failed).rejects.toThrow('no such run');
    expect(broken.child.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(20_000);
  });
});
