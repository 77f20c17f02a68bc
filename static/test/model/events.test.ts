import { expect, test } from 'vitest';

import { eventsOf, slotName } from '../../src/model/events';
import { GraphIndex } from '../../src/model/graph-index';
import { Outcome } from '../../src/model/run-table';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun } from '../fake/fake-run';
import { graphOf } from '../fake/graph-of';
import { forSeeds } from '../fake/random';
import { foldOf, tableOf } from '../fake/table-of';

test('events say in words what happened, causes before effects', () => {
  const times = { readyNs: 5, claimedNs: 10, startedNs: 20, endedNs: 30, updatedNs: 30, worker: 2, slot: 1 };
  const rows = [
    { ...times, outcome: Outcome.ok, outputBytes: 36 * 1024 },
    { ...times, node: 1, outcome: Outcome.retrying, startedNs: 12, endedNs: 13, updatedNs: 14 },
    { node: 2, outcome: Outcome.skipped, updatedNs: 40 },
  ];
  const marks = [
    { kind: 1, atNs: 0, value: 0 },
    { kind: 3, atNs: 1, value: 2 },
    { kind: 13, atNs: 35, value: 2 },
    { kind: 2, atNs: 2e9, value: Outcome.failed },
    { kind: 77, atNs: 3e9, value: 0 },
  ];
  const table = tableOf(rows, { marks });
  const index = new GraphIndex(graphOf(['load', 'blur', 'merge']), table);
  const events = eventsOf(index, table);
  const listed = Array.from({ length: events.length }, (_, i) => [events.atNs[i], events.text(i), events.stateOf(i)]);
  expect(listed.map(([at, text, state]) => [at, (text as string).replaceAll('\u00a0', ' '), state])).toEqual([
    [0, 'run started', undefined],
    [1, 'worker w2 started', undefined],
    [10, 'load claimed on w2/1', 'fetching'],
    [10, 'blur claimed on w2/1', 'fetching'],
    [12, 'blur executes on w2/1', 'running'],
    [14, 'blur failed on w2/1, attempt 1, to be tried again', 'retrying'],
    [20, 'load executes on w2/1', 'running'],
    [30, 'load hands on 36.0 KiB', 'succeeded'],
    [30, 'load succeeded on w2/1', 'succeeded'],
    [35, 'a slot of w2 is gone: its task ignored the cancellation', undefined],
    [40, 'merge skipped, a task it needs has failed', 'skipped'],
    [2e9, 'run failed after 2.00 s', undefined],
    [3e9, 'step of kind 77', undefined],
  ]);
  expect([events.nodeOf(0), events.nodeOf(3)]).toEqual([-1, 1]);
  expect(slotName(table, 0)).toBe('w2/1');
});

test('stepping visits every moment once, both ways', () => {
  forSeeds(20, (random) => {
    const run = new FakeRun(randomGraph(random), random);
    const table = foldOf(run);
    const events = eventsOf(new GraphIndex(run.graph, table), table);
    const moments = [...new Set(events.atNs)];
    const forth: number[] = [];
    for (let at = events.eventAfter(-1); !Number.isNaN(at); at = events.eventAfter(at)) forth.push(at);
    expect(forth).toEqual(moments);
    const back: number[] = [];
    for (let at = events.eventBefore(Infinity); !Number.isNaN(at); at = events.eventBefore(at)) back.push(at);
    expect(back.reverse()).toEqual(moments);
    const atNs = random.whole(0, run.endNs);
    expect(events.countAt(atNs)).toBe(events.atNs.filter((at) => at <= atNs).length);
  });
});
