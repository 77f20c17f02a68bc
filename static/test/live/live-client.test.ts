import { beforeEach, describe, expect, test } from 'vitest';

import type { Problem } from '../../src/api/problem';
import type { RunSummary } from '../../src/api/schema';
import type { LinkState } from '../../src/live/link-state';
import { LiveClient } from '../../src/live/live-client';
import type { Frame } from '../../src/model/frame';
import { RunFold } from '../../src/model/run-fold';
import { encodeFrame, type FakeFrame } from '../fake/encode-frame';
import { FakeClock } from '../fake/fake-clock';
import { FakeNetwork } from '../fake/fake-socket';

let clock: FakeClock;
let network: FakeNetwork;
let client: LiveClient;

beforeEach(() => {
  clock = new FakeClock();
  network = new FakeNetwork(clock);
  client = new LiveClient(network.deps);
});

function frame(from: number, to: number, more: Partial<FakeFrame> = {}): Uint8Array {
  const kind = from === 0 ? 'snapshot' : 'patch';
  return encodeFrame({ kind, channel: 1, from, to, nowNs: 0, tasks: 0, marks: [], expansions: [], rows: [], ...more });
}

/** Follows a run and writes down what is heard. */
function follow(run = 'r1'): { heard: string[]; fold: RunFold; stop: () => void; problems: Problem[] } {
  const fold = new RunFold();
  const heard: string[] = [];
  const problems: Problem[] = [];
  const stop = client.subscribeRun(run, {
    frame: (f: Frame) => {
      const isTaken = fold.apply(f);
      heard.push(`${f.kind} ${f.from}-${f.to}${isTaken ? '' : ' refused'}`);
      return isTaken;
    },
    summary: (summary) => heard.push(`summary ${summary.status}`),
    error: (problem) => problems.push(problem),
    restarted: () => heard.push('restarted'),
  });
  return { heard, fold, stop, problems };
}

/** Waits until the client tries again, and no longer. */
function untilRetry(): void {
  if (client.state.kind === 'waiting') clock.advance(client.state.retryMs - clock.nowMs());
}

function summary(status: RunSummary['status']): RunSummary {
  return { run: 'r1', status } as RunSummary;
}

describe('one socket', () => {
  test('is opened by the first subscription, carries them all, and is closed after the last', () => {
    expect(client.state.kind).toBe('idle');
    const a = follow('a');
    const b = follow('b');
    const stopRuns = client.subscribeRuns(() => undefined);
    expect(network.sockets).toHaveLength(1);
    expect(network.socket.url).toBe('http://host/api/v1/live');
    expect(network.socket.said).toEqual([]);
    network.socket.hello();
    expect(client.state).toMatchObject({ kind: 'open', transport: 'socket' });
    const run = { type: 'subscribe', topic: 'run', after: 0, incarnation: '' };
    expect(network.socket.said).toEqual([
      { ...run, channel: 1, run: 'a' },
      { ...run, channel: 2, run: 'b' },
      { type: 'subscribe', topic: 'runs', channel: 3 },
    ]);
    b.stop();
    b.stop();
    follow('c').stop();
    expect(network.socket.said.slice(3)).toEqual([
      { type: 'unsubscribe', channel: 2 },
      { ...run, channel: 4, run: 'c' },
      { type: 'unsubscribe', channel: 4 },
    ]);
    a.stop();
    stopRuns();
    clock.advance(500);
    expect(network.socket.isClosed).toBe(false); // the next page may want it
    clock.advance(1_000);
    expect(network.socket.isClosed).toBe(true);
    expect(client.state.kind).toBe('idle');
    expect(clock.pending).toBe(0);
    follow('d');
    expect(network.sockets).toHaveLength(2);
  });

  test('a page left for another one keeps it', () => {
    const first = follow('a');
    network.socket.hello();
    first.stop();
    clock.advance(500);
    follow('b');
    clock.advance(1_000);
    expect(network.socket.isClosed).toBe(false);
    expect(network.sockets).toHaveLength(1);
  });

  test('hands frames, summaries, problems and lists to whom they belong', () => {
    const a = follow('a');
    const b = follow('b');
    const lists: (readonly RunSummary[])[] = [];
    client.subscribeRuns((runs) => lists.push(runs));
    network.socket.hello();
    network.socket.say({ type: 'subscribed', channel: 1, run: summary('running'), incarnation: 'x', revision: 0 });
    network.socket.events.bytes(frame(0, 3));
    network.socket.events.bytes(frame(0, 2, { channel: 2 }));
    network.socket.say({ type: 'run', channel: 1, run: summary('succeeded') });
    network.socket.say({ type: 'runs', channel: 3, runs: [summary('failed')] });
    network.socket.say({
      type: 'error',
      channel: 2,
      problem: { status: 404, title: 'Not Found', detail: 'no run b' },
    });
    expect(a.heard).toEqual(['summary running', 'snapshot 0-3', 'summary succeeded']);
    expect(b.heard).toEqual(['snapshot 0-2']);
    expect(b.problems.map(({ status, message }) => [status, message])).toEqual([[404, 'no run b']]);
    expect(lists).toEqual([[summary('failed')]]);
  });

  test('reports a store that does not answer, until it does or the link is lost', () => {
    follow();
    const socket = network.socket;
    socket.hello();
    const reported: (string | null)[] = [];
    client.onState(() => reported.push(client.storeSilentSince));
    socket.say({ type: 'store', silent_since: '2026-05-01T12:00:00Z' });
    socket.say({ type: 'store', silent_since: '2026-05-01T12:00:00Z' });
    expect(client.storeSilentSince).toBe('2026-05-01T12:00:00Z');
    socket.say({ type: 'store', silent_since: null });
    expect(reported).toEqual(['2026-05-01T12:00:00Z', null]);
    socket.say({ type: 'store', silent_since: '2026-05-01T12:01:00Z' });
    socket.say({ type: 'closing', reason: 'going away' });
    expect(client.storeSilentSince).toBeNull();
  });

  test('asks again for a run that cannot be read for now', () => {
    const { problems, stop } = follow();
    const socket = network.socket;
    socket.hello();
    const asked = (): number => socket.said.filter((one) => one.type === 'subscribe').length;
    socket.say({ type: 'error', channel: 1, problem: { status: 503, title: 'Service Unavailable' } });
    expect([problems.length, asked()]).toEqual([1, 1]);
    clock.advance(2_000);
    expect(asked()).toBe(2);
    socket.say({ type: 'error', channel: 1, problem: { status: 503, title: 'Service Unavailable' } });
    stop();
    clock.advance(2_000);
    expect(asked()).toBe(2);
  });

  test('what is said to no subscription, or by a later version, is skipped', () => {
    const a = follow();
    network.socket.hello();
    network.socket.events.bytes(frame(0, 1, { channel: 99 }));
    network.socket.events.text('{"type":"weather","sunny":true}');
    network.socket.events.text('not json');
    network.socket.events.text('null');
    network.socket.say({ type: 'run', channel: 99, run: summary('failed') });
    expect(a.heard).toEqual([]);
    expect(client.state.kind).toBe('open');
  });
});

describe('a gap', () => {
  test('is answered by asking for a snapshot, and what is of before is dropped', () => {
    const a = follow();
    network.socket.hello();
    network.socket.events.bytes(frame(0, 3));
    network.socket.events.bytes(frame(5, 7));
    network.socket.events.bytes(frame(7, 8));
    expect(network.socket.said.slice(1)).toEqual([{ type: 'resync', channel: 1 }]);
    network.socket.events.bytes(frame(0, 8));
    network.socket.events.bytes(frame(8, 9));
    expect(a.heard).toEqual(['snapshot 0-3', 'patch 5-7 refused', 'snapshot 0-8', 'patch 8-9']);
    expect(client.counts.resyncs).toBe(1);
  });

  test('is found by the heartbeat, which says what was sent', () => {
    follow();
    network.socket.hello();
    network.socket.events.bytes(frame(0, 3));
    network.socket.say({ type: 'heartbeat', now: '', seq: { 1: 3, 9: 5 } });
    expect(client.counts.resyncs).toBe(0);
    network.socket.say({ type: 'heartbeat', now: '', seq: { 1: 4 } });
    expect(network.socket.said.at(-1)).toEqual({ type: 'resync', channel: 1 });
  });

  test('within a batch is none', () => {
    follow();
    network.socket.hello();
    network.socket.events.bytes(frame(0, 3));
    network.socket.events.bytes(frame(3, 3, { more: true }));
    network.socket.say({ type: 'heartbeat', now: '', seq: { 1: 9 } });
    network.socket.events.bytes(frame(3, 9));
    expect(client.counts.resyncs).toBe(0);
  });
});

describe('a bad frame', () => {
  test('is counted and answered by a snapshot, and never reaches a page', () => {
    const a = follow();
    network.socket.hello();
    network.socket.events.bytes(frame(0, 3));
    network.socket.events.bytes(Uint8Array.of(1, 2, 3));
    expect(network.socket.said.at(-1)).toEqual({ type: 'resync', channel: 1 });
    network.socket.events.bytes(frame(0, 4));
    expect(a.heard).toEqual(['snapshot 0-3', 'snapshot 0-4']);
    expect(client.counts).toMatchObject({ badFrames: 1, resyncs: 1 });
  });

  test('again and again ends the link', () => {
    follow();
    network.socket.hello();
    for (let i = 0; i < 3; i++) network.socket.events.bytes(Uint8Array.of(9));
    expect(client.state).toMatchObject({ kind: 'waiting', reason: 'frames that cannot be read' });
    expect(network.socket.isClosed).toBe(true);
  });
});

describe('a link that is lost', () => {
  test('is made again, and subscriptions continue where they stood', () => {
    const a = follow();
    network.socket.hello();
    network.socket.say({ type: 'subscribed', channel: 1, incarnation: 'x', revision: 0 });
    network.socket.events.bytes(frame(0, 3));
    network.socket.events.bytes(frame(3, 3, { more: true }));
    network.socket.cut('code 1006');
    expect(client.state).toMatchObject({ kind: 'waiting', reason: 'code 1006', attempt: 1 });
    untilRetry();
    network.socket.hello();
    const message = { type: 'subscribe', channel: 1, topic: 'run', run: 'r1', after: 3, incarnation: 'x' };
    expect(network.socket.said).toEqual([message]);
    network.socket.say({ type: 'subscribed', channel: 1, incarnation: 'x', revision: 0 });
    network.socket.events.bytes(frame(3, 5));
    expect(a.heard).toEqual(['snapshot 0-3', 'patch 3-3', 'patch 3-5']);
  });

  test('to a service that has another log begins afresh, and says so', () => {
    const a = follow();
    network.socket.hello();
    network.socket.say({ type: 'subscribed', channel: 1, incarnation: 'x', revision: 0 });
    network.socket.events.bytes(frame(0, 3));
    network.socket.cut();
    untilRetry();
    network.socket.hello();
    network.socket.say({ type: 'subscribed', channel: 1, incarnation: 'y', revision: 1 });
    network.socket.events.bytes(frame(0, 1));
    expect(a.heard).toEqual(['snapshot 0-3', 'restarted', 'snapshot 0-1']);
  });

  test('is noticed after two heartbeats without a word', () => {
    follow();
    network.socket.hello(4_000);
    clock.advance(7_000);
    network.socket.say({ type: 'heartbeat', now: '', seq: null });
    clock.advance(7_999);
    expect(client.state).toMatchObject({ kind: 'open', lastMs: 8_000 });
    clock.advance(1);
    expect(client.state).toMatchObject({ kind: 'waiting', reason: 'nothing heard for two heartbeats', lastMs: 8_000 });
    expect(network.sockets[0]!.isClosed).toBe(true);
    expect(client.counts.deadLinks).toBe(1);
  });

  test('waits longer each time, up to half a minute, and anew after a good frame', () => {
    const waits: number[] = [];
    client.onState((state) => {
      if (state.kind === 'waiting') waits.push(state.retryMs - state.sinceMs);
    });
    follow();
    network.random = 0.999;
    for (let i = 0; i < 8; i++) {
      network.socket.hello(); // not enough to be good
      network.socket.cut();
      untilRetry();
    }
    expect(waits.map(Math.round)).toEqual([500, 999, 1998, 3996, 7992, 15984, 29970, 29970]);
    network.socket.hello();
    network.socket.events.bytes(frame(0, 1));
    network.socket.cut();
    expect(Math.round(waits.at(-1)!)).toBe(500);
  });

  test('by a service that goes away is made again quickly', () => {
    follow();
    network.socket.hello();
    network.socket.say({ type: 'closing', reason: 'going away' });
    expect(client.state).toMatchObject({ kind: 'waiting', reason: 'going away' });
    clock.advance(250);
    expect(network.sockets).toHaveLength(2);
  });

  test('says nothing any more', () => {
    const a = follow();
    const [old] = network.sockets;
    old!.hello();
    old!.events.bytes(frame(0, 3));
    old!.cut();
    untilRetry();
    network.socket.hello();
    old!.events.bytes(frame(3, 4));
    old!.say({ type: 'run', channel: 1, run: summary('failed') });
    old!.events.closed('again');
    expect(a.heard).toEqual(['snapshot 0-3']);
    expect(client.state.kind).toBe('open');
    expect(network.sockets).toHaveLength(2);
  });

  test('is reported to those who follow', () => {
    const kinds: LinkState['kind'][] = [];
    const stop = client.onState((state) => kinds.push(state.kind));
    const ofRun: LinkState['kind'][] = [];
    client.subscribeRun('r1', { frame: () => true, status: (state) => ofRun.push(state.kind) });
    network.socket.hello();
    network.socket.cut();
    untilRetry();
    stop();
    network.socket.hello();
    expect(kinds.slice(0, 4)).toEqual(['connecting', 'open', 'waiting', 'connecting']);
    expect(ofRun.at(-1)).toBe('open');
    client.close();
    expect(client.state.kind).toBe('closed');
    expect(clock.pending).toBe(0);
    follow();
    expect(network.sockets).toHaveLength(2);
  });

  test('to a service of another version is not used', () => {
    follow();
    network.socket.say({ type: 'hello', version: 2, heartbeat_ns: 1e9 });
    expect(client.state).toMatchObject({ kind: 'waiting' });
    expect(network.socket.said).toEqual([]);
  });
});

test('a run that was replaced is followed anew, under another channel', () => {
  const a = follow();
  network.socket.hello();
  network.socket.say({ type: 'subscribed', channel: 1, incarnation: 'x', revision: 0 });
  network.socket.events.bytes(frame(0, 3));
  network.socket.say({ type: 'error', channel: 1, problem: { status: 410 } });
  const again = { type: 'subscribe', channel: 2, topic: 'run', run: 'r1', after: 0, incarnation: '' };
  expect(network.socket.said.at(-1)).toEqual(again);
  network.socket.events.bytes(frame(3, 4));
  network.socket.events.bytes(frame(0, 1, { channel: 2 }));
  expect(a.heard).toEqual(['snapshot 0-3', 'restarted', 'snapshot 0-1']);
  expect(a.problems).toEqual([]);
  a.stop();
  expect(network.socket.said.at(-1)).toEqual({ type: 'unsubscribe', channel: 2 });
});

describe('where sockets are blocked', () => {
  beforeEach(() => {
    follow();
    for (let i = 0; i < 3; i++) {
      network.socket.cut('blocked');
      untilRetry();
    }
  });

  test('a stream of events takes their place after three tries', () => {
    expect(network.sockets).toHaveLength(3);
    expect(network.streams.map((stream) => stream.url)).toEqual(['http://host/api/v1/runs/r1/events']);
    const b = follow('b');
    network.streams[0]!.hello();
    expect(client.state).toMatchObject({ kind: 'open', transport: 'events' });
    expect(network.streams).toHaveLength(2);
    network.streams[1]!.events.bytes(frame(0, 3, { channel: 0 }));
    network.streams[1]!.say({ type: 'run', channel: 0, run: summary('failed') });
    network.streams[1]!.say({ type: 'heartbeat', now: '', seq: { 0: 3 } });
    expect(b.heard).toEqual(['snapshot 0-3', 'summary failed']);
    expect(network.streams[1]!.isClosed).toBe(false);
    network.streams[1]!.events.bytes(frame(8, 9, { channel: 0 }));
    expect(network.streams[1]!.isClosed).toBe(true); // a snapshot is had by asking anew
    network.streams[2]!.events.bytes(frame(0, 9, { channel: 0 }));
    expect(b.heard.slice(2)).toEqual(['patch 8-9 refused', 'snapshot 0-9']);
    b.stop();
    expect(network.streams[2]!.isClosed).toBe(true);
  });

  test('sockets are tried again when that fails as well', () => {
    network.streams[0]!.cut('refused');
    untilRetry();
    expect(network.sockets).toHaveLength(4);
    network.socket.cut();
    untilRetry();
    expect(network.streams).toHaveLength(2);
  });
});
