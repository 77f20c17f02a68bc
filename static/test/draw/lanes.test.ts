import { beforeAll, describe, expect, it } from 'vitest';

import { BucketCache, bucketRange, rowsInBucket } from '../../src/draw/lane-buckets';
import { FOLD_FROM, lanesLayout, rowsBetween, SCROLL_FROM, type LanesViewport } from '../../src/draw/lane-layout';
import { RibbonCache } from '../../src/draw/ribbon-steps';
import { lanesOf } from '../../src/model/run-lanes';
import { Outcome } from '../../src/model/run-table';
import { TimeScale } from '../../src/model/time-scale';
import { byState, stagedLanes } from './frames';
import { withPaths, type RecordingContext } from './recording-context';
import { layersPlan, montagePlan, syntheticRun, SyntheticTable } from './synthetic-run';

beforeAll(withPaths);

const viewport = { width: 1300, windowWidth: 1920, windowHeight: 1000 };

describe('lanesLayout', () => {
  function layoutOf(workers: number, slots: number, open: number[] = [], more: Partial<LanesViewport> = {}) {
    const run = syntheticRun(layersPlan(workers * slots * 4, 4), { workers, slots });
    return lanesLayout(lanesOf(run.table), new Set(open), { ...viewport, ...more });
  }

  it('has its natural height up to 15 lanes', () => {
    const layout = layoutOf(2, 4);
    expect(layout.contentHeight).toBe(8 * 19 + 8);
    expect(layout.areaHeight).toBe(layout.contentHeight);
    expect(layout.isFolded).toBe(false);
  });

  it('scrolls inside at most 40 % of the window from 16 lanes on', () => {
    const layout = layoutOf(4, 8);
    expect(layout.rows.length).toBeGreaterThanOrEqual(SCROLL_FROM);
    expect(layout.areaHeight).toBe(400);
    expect(layout.contentHeight).toBeGreaterThan(400);
  });

  it('folds workers to strips from 64 lanes on, and opens one', () => {
    const folded = layoutOf(8, FOLD_FROM / 8);
    expect(folded.rows.map((row) => row.kind)).toEqual(Array.from({ length: 8 }, () => 'strip'));
    expect(folded.rowOfLane.every((row) => row >= 0)).toBe(true);
    const open = layoutOf(8, FOLD_FROM / 8, [2]);
    expect(open.rows).toHaveLength(16);
    expect(open.rows[open.rowOfLane[17]!]!.lane?.slot).toBe(1);
  });

  it('keeps to the room it has, and scrolls inside of it', () => {
    const layout = layoutOf(4, 8, [], { roomPx: 320 });
    expect(layout.height).toBe(320);
    expect(layout.areaHeight).toBeLessThan(layout.contentHeight);
    expect(layoutOf(2, 4, [], { roomPx: 2000 }).height).toBe(layoutOf(2, 4).height);
    expect(layoutOf(4, 8, [], { roomPx: 10 }).areaHeight).toBe(4 * 19);
  });

  it('fills a height that was asked for: larger lanes first, then a higher ribbon', () => {
    const natural = layoutOf(2, 4);
    for (const roomPx of [natural.height + 40, 600, 900]) {
      const layout = layoutOf(2, 4, [], { roomPx, fill: true });
      expect(layout.height).toBe(roomPx);
      expect(layout.areaHeight).toBe(layout.contentHeight);
      expect(layout.rows[0]!.height).toBeGreaterThan(19);
      expect(layout.rows[0]!.height).toBeLessThanOrEqual(35);
    }
    const tall = layoutOf(2, 4, [], { roomPx: 900, fill: true });
    expect(tall.slotsHeight).toBeGreaterThan(natural.slotsHeight * 2);
    expect(tall.readyHeight).toBeGreaterThan(natural.readyHeight * 2);
    const low = layoutOf(4, 8, [], { roomPx: 300, fill: true });
    expect([low.height, low.rows[0]!.height]).toEqual([300, 19]);
    expect(layoutOf(4, 8, [], { roomPx: 800, fill: true }).areaHeight).toBeGreaterThan(400);
  });

  it('finds the rows in view', () => {
    const layout = layoutOf(4, 8);
    const rows = rowsBetween(layout, 100, 160);
    expect(rows.every((row) => row.top < 160 && row.top + row.height > 100)).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(5);
  });
});

describe('BucketCache', () => {
  const run = syntheticRun(layersPlan(4000, 4), { workers: 1, slots: 3, retryEvery: 50 });
  const { lanes } = lanesOf(run.table);
  const range = bucketRange(0, run.endNs, 2 ** 32);

  it('keeps the exact time and number of its attempts', () => {
    for (const lane of lanes) {
      const buckets = new BucketCache().of(run.table, 'lane', [lane], range, Infinity);
      const sum = (values: Float64Array): number => values.reduce((total, share) => total + share, 0) * range.widthNs;
      let runningNs = 0;
      let movingNs = 0;
      for (const row of lane.rows) {
        runningNs += run.table.endedNs[row]! - run.table.startedNs[row]!;
        movingNs += run.table.startedNs[row]! - run.table.claimedNs[row]!;
        movingNs += run.table.updatedNs[row]! - run.table.endedNs[row]!;
      }
      expect(sum(buckets.running) / runningNs).toBeCloseTo(1, 6);
      expect(sum(buckets.moving) / movingNs).toBeCloseTo(1, 6);
      expect(buckets.started.reduce((total, n) => total + n, 0)).toBe(lane.rows.length);
    }
  });

  it('is aligned to the start of the run, whatever is in view', () => {
    const shifted = bucketRange(123_456_789, run.endNs / 2, 2 ** 26);
    expect(shifted.first % 256).toBe(0);
    expect(shifted.first * shifted.widthNs).toBeLessThanOrEqual(123_456_789);
    expect((shifted.first + shifted.count) * shifted.widthNs).toBeGreaterThanOrEqual(run.endNs / 2);
  });

  it('never loses a failure', () => {
    const buckets = new BucketCache().of(run.table, 'lane', lanes, range, Infinity);
    for (let row = 0; row < run.table.rows; row++) {
      if (run.table.outcome[row] !== Outcome.retrying) continue;
      const number = Math.floor(run.table.updatedNs[row]! / range.widthNs) - range.first;
      expect(buckets.failed[number]).toBe(1);
    }
  });

  it('leaves long attempts to be painted by themselves, and finds the rows of a bucket', () => {
    const longest = 0.7e9;
    const fine = bucketRange(0, run.endNs, 2 ** 28);
    const buckets = new BucketCache().of(run.table, 'lane', [lanes[0]!], fine, longest);
    const own = new Set(buckets.long.map((place) => lanes[0]!.rows[place]!));
    let gathered = 0;
    for (let i = 0; i < fine.count; i++) {
      for (const row of rowsInBucket([lanes[0]!], fine, fine.first + i, longest)) {
        expect(own.has(row)).toBe(false);
        gathered += run.table.claimedNs[row]! >= (fine.first + i) * fine.widthNs ? 1 : 0;
      }
    }
    expect(own.size).toBeGreaterThan(0);
    expect(gathered + own.size).toBe(lanes[0]!.rows.length);
  });

  it('reads rows once for a zoom, and again for a new version', () => {
    const cache = new BucketCache();
    cache.of(run.table, 'lane', lanes, range, Infinity);
    const read = cache.rowsRead;
    cache.of(run.table, 'lane', lanes, range, Infinity);
    expect(cache.rowsRead).toBe(read);
    (run.table as SyntheticTable).version++;
    cache.of(run.table, 'lane', lanes, range, Infinity);
    expect(cache.rowsRead).toBe(2 * read);
  });
});

describe('RibbonCache', () => {
  it('means over a pixel agree with the exact profile', () => {
    const run = syntheticRun(layersPlan(6000, 6), { workers: 2, slots: 4 });
    const few = syntheticRun(layersPlan(300, 6), { workers: 2, slots: 4 });
    const scale = new TimeScale(0, run.endNs, 0, 1000);
    const gathered = new RibbonCache().of(run.table, scale, run.endNs);
    expect(gathered.length).toBeLessThan(1100);
    const area = (steps: typeof gathered, endNs: number, values: Float64Array): number => {
      let total = 0;
      for (let i = 0; i < steps.length; i++) total += values[i]! * ((steps.atNs[i + 1] ?? endNs) - steps.atNs[i]!);
      return total;
    };
    let runningNs = 0;
    for (let row = 0; row < run.table.rows; row++) runningNs += run.table.endedNs[row]! - run.table.startedNs[row]!;
    expect(area(gathered, run.endNs, gathered.running) / runningNs).toBeCloseTo(1, 1);
    const exact = new RibbonCache().of(few.table, scale, few.endNs);
    expect(exact.mostReady).toBe(Math.max(...exact.ready));
  });
});

/** Rectangles painted in a colour. */
function painted(ctx: RecordingContext, colour: string): number {
  return ctx.of('fillRect').filter((call) => call.fill === colour).length;
}

describe('LanesPainter', () => {
  it('paints each attempt by its phases, the past quiet, what is active loud, the future faint', () => {
    const run = syntheticRun(montagePlan(), { retryEvery: 8 });
    const { contexts } = stagedLanes(run, { atNs: run.endNs / 3 });
    const { marks } = contexts;
    expect(painted(marks, 'st-running-past')).toBeGreaterThanOrEqual(80);
    expect(painted(marks, 'st-running')).toBeGreaterThan(0);
    expect(painted(marks, 'st-fetching-past')).toBeGreaterThan(0);
    expect(painted(marks, 'st-storing-past')).toBeGreaterThan(0);
    expect(painted(marks, 'st-failed')).toBeGreaterThan(0);
    expect(marks.of('fillRect').some((call) => call.alpha === 0.3)).toBe(true);
    expect(marks.texts.some((text) => text.startsWith('mProject['))).toBe(true);
    expect(marks.texts).toEqual(expect.arrayContaining(['0 idle', 'busy']));
    expect(contexts.ground.texts).toEqual(expect.arrayContaining(['w1', 'node-a', 'Slots', 'Ready']));
  });

  it('paints what an attempt waited before its inputs were fetched apart from fetching them', () => {
    const run = syntheticRun(montagePlan());
    const { fetchNs, claimedNs, startedNs, rows } = run.table;
    const paint = (share: number): number[] => {
      for (let row = 0; row < rows; row++) fetchNs[row] = share * (startedNs[row]! - claimedNs[row]!);
      const { marks } = stagedLanes(run, { atNs: run.endNs }).contexts;
      return ['ph-wait-past', 'st-fetching-past'].map((colour) => painted(marks, colour));
    };
    const [none, all] = paint(1);
    expect([none, all! > 0]).toEqual([0, true]);
    expect(paint(0)).toEqual([all, 0]);
  });

  it('says how busy slots were while only that is known, and how many are idle at any other moment', () => {
    const run = syntheticRun(montagePlan());
    const said = (more: Parameters<typeof stagedLanes>[1]) => stagedLanes(run, more).contexts.marks.texts.at(-2)!;
    expect(said({ atNs: run.endNs })).toBe('8 idle');
    (run.table as SyntheticTable).ended = false;
    (run.table as SyntheticTable).nowNs = run.endNs;
    expect(said({ live: true, atNs: run.endNs }).replaceAll('\u00a0', ' ')).toMatch(/^\d+ % busy$/);
    (run.table as SyntheticTable).nowNs = run.endNs + 5e9;
    expect(said({ live: true, atNs: run.endNs })).toBe('8 idle');
  });

  it('paints nothing right of now while the run is live, but the expected end', () => {
    const run = syntheticRun(montagePlan());
    const table = run.table as SyntheticTable;
    table.ended = false;
    table.nowNs = run.endNs;
    const expected = { fromNs: run.endNs * 1.2, toNs: run.endNs * 1.3, text: 'expected end' };
    const more = { live: true, atNs: run.endNs, endNs: run.endNs * 1.5, expected };
    const { contexts } = stagedLanes(run, more);
    expect(contexts.marks.of('fillRect').every((call) => call.alpha !== 0.3)).toBe(true);
    expect(contexts.ground.texts).toContain('expected end');
  });

  it('boxes the selection and outlines what it read, with an arrow', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show } = stagedLanes(run);
    for (const ctx of Object.values(contexts)) ctx.forget();
    show({ selected: 20 });
    frames.run();
    const producers = run.index.parents(20).length;
    expect(contexts.overlay.of('strokeRect')).toHaveLength(1 + producers);
    expect(contexts.overlay.of('fill').length).toBe(producers + 1);
    expect(contexts.marks.calls).toHaveLength(0);
  });

  it('writes the playhead in the clock that was chosen', () => {
    const run = syntheticRun(montagePlan());
    const axis = { epochMs: Date.UTC(2026, 10, 22, 4, 12, 8), mode: 'utc' as const };
    const { contexts } = stagedLanes(run, { atNs: 13.4e9, axis });
    expect(contexts.overlay.texts).toEqual(['04:12:21.40']);
    expect(contexts.ground.texts).toContain('04:12:10');
  });

  it('keeps the tag of the playhead off the head of the figures', () => {
    const run = syntheticRun(montagePlan());
    const { contexts } = stagedLanes(run, { atNs: run.endNs });
    const head = contexts.marks.of('fillText').find((call) => call.args[0] === 'busy')!;
    const [left, , width] = contexts.overlay.of('roundRect')[0]!.args as [number, number, number];
    expect(left + width).toBeLessThan(Number(head.args[1]) - 'busy'.length * 6);
    expect(left).toBeLessThan(1300 - 72);
    expect(left + width).toBeGreaterThan(1300 - 72); // still on its line
  });

  it('shows a run without rows', () => {
    const run = syntheticRun(layersPlan(0, 1));
    const { contexts, height } = stagedLanes(run, { endNs: 1e9 });
    expect(height()).toBeGreaterThan(80);
    expect(contexts.overlay.texts).toHaveLength(1);
  });
});

describe('layers of the lanes', () => {
  it('paints the overlay alone when the pointer moves', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show, loop } = stagedLanes(run);
    for (const ctx of Object.values(contexts)) ctx.forget();
    show({ hovered: 4 });
    frames.run();
    expect(contexts.ground.calls).toHaveLength(0);
    expect(contexts.marks.calls).toHaveLength(0);
    expect(contexts.overlay.of('strokeRect')).toHaveLength(1);
    expect(loop.idle).toBe(true);
  });

  it('leaves the ground while the playhead moves', () => {
    const run = syntheticRun(montagePlan());
    const { contexts, frames, show } = stagedLanes(run);
    for (const ctx of Object.values(contexts)) ctx.forget();
    show({ atNs: run.endNs / 4 });
    frames.run();
    expect(contexts.ground.calls).toHaveLength(0);
    expect(contexts.marks.calls.length).toBeGreaterThan(0);
  });

  it('zooms around the pointer, and back to the whole', () => {
    const run = syntheticRun(montagePlan());
    const { stage } = stagedLanes(run);
    const atNs = stage.nsAt(500);
    stage.zoomBy(4, 500);
    expect(stage.nsAt(500)).toBeCloseTo(atNs, -3);
    expect(stage.window!.toNs - stage.window!.fromNs).toBeCloseTo(run.endNs / 4, -3);
    stage.pan(1e6);
    expect(stage.nsAt(104)).toBeCloseTo(0, -3);
    stage.zoomBy(0.001, 500);
    expect(stage.window).toBeNull();
  });
});

describe('the window of time', () => {
  it('is taken from outside, also before the run has come to it', () => {
    const run = syntheticRun(montagePlan());
    const { stage, show } = stagedLanes(run, { endNs: run.endNs / 10 });
    const asked = { fromNs: run.endNs / 2, toNs: run.endNs * 0.75 };
    stage.setWindow(asked);
    expect(stage.nsAt(104)).toBe(0);
    expect(stage.nsAt(1300 - 72)).toBeCloseTo(run.endNs / 10, -3);
    show({ endNs: run.endNs });
    expect(stage.window).toEqual(asked);
    expect(stage.nsAt(104)).toBeCloseTo(asked.fromNs, -3);
    expect(stage.nsAt(1300 - 72)).toBeCloseTo(asked.toNs, -3);
  });

  it('is all of the run again after a fit, or without one', () => {
    const run = syntheticRun(montagePlan());
    const { stage } = stagedLanes(run);
    for (const undo of [() => stage.fit(), () => stage.setWindow(null)]) {
      stage.setWindow({ fromNs: 1e9, toNs: 2e9 });
      undo();
      expect(stage.window).toBeNull();
      expect(stage.nsAt(1300 - 72)).toBeCloseTo(run.endNs, -3);
    }
  });
});

describe('strips of folded workers', () => {
  const fillsOf = (mode: 'state' | 'function' | 'worker'): string[] => {
    const run = syntheticRun(layersPlan(4000, 4), { workers: 8, slots: FOLD_FROM / 8 });
    const { contexts } = stagedLanes(run, { atNs: run.endNs, colours: { ...byState, mode } });
    return [
      ...new Set([...contexts.marks.of('fill'), ...contexts.marks.of('fillRect')].map((call) => String(call.fill))),
    ];
  };

  it('have the colours of the functions that ran, or of the worker, as the bars of an open one', () => {
    expect(fillsOf('state').some((fill) => fill.startsWith('fn-'))).toBe(false);
    expect(fillsOf('function').filter((fill) => fill.startsWith('fn-')).length).toBe(4);
    expect(fillsOf('worker').filter((fill) => fill.startsWith('fn-')).length).toBe(2);
  });

  it('hold the same in all hues as without', () => {
    const run = syntheticRun(layersPlan(4000, 4), { workers: 1, slots: 8 });
    const { lanes } = lanesOf(run.table);
    const range = bucketRange(0, run.endNs, run.endNs / 300);
    const { byHue, running } = new BucketCache().of(run.table, 'all', lanes, range, Infinity, (row) => row % 3);
    expect(byHue.map(({ hue }) => hue)).toEqual([0, 1, 2]);
    running.forEach((share, i) => {
      expect(byHue.reduce((sum, one) => sum + one.running[i]!, 0)).toBeCloseTo(share, 9);
    });
  });
});

describe('budgets of the lanes', () => {
  it.each([
    [60, 4, 2500],
    [2000, 4, 30_000],
    [100_000, 8, 30_000],
  ])(
    '%i attempts on 2 × %i slots take at most %i calls',
    (tasks, slots, calls) => {
      const run = syntheticRun(layersPlan(tasks, 10), { slots });
      const { contexts, frames, show } = stagedLanes(run);
      expect(contexts.marks.calls.length).toBeLessThan(calls);
      expect(contexts.marks.styleChanges).toBeLessThan(900);
      // A scrub costs the same again, whatever the number of attempts.
      contexts.marks.forget();
      show({ atNs: run.endNs / 3 });
      frames.run();
      expect(contexts.marks.calls.length).toBeLessThan(calls);
    },
    30_000,
  );
});

describe('folded gaps', () => {
  /** Two stretches of the same work, ten hours apart. */
  function apart() {
    const run = syntheticRun(layersPlan(40, 4), { workers: 1, slots: 2 });
    const table = run.table as SyntheticTable;
    const half = run.endNs;
    const laterNs = 36e12;
    for (let row = table.rows >> 1; row < table.rows; row++) {
      for (const column of [table.readyNs, table.claimedNs, table.startedNs, table.endedNs, table.updatedNs])
        column[row]! += laterNs;
    }
    table.nowNs = half + laterNs;
    return { run, table, endNs: half + laterNs };
  }

  it('give work its room, with their length on the axis; every bar is hit where it is painted, and seeking is exact', () => {
    const { run, table, endNs } = apart();
    const plain = stagedLanes(run, { endNs, atNs: endNs });
    const folded = stagedLanes(run, { endNs, atNs: endNs, hasFolds: true });
    const widest = ({ marks }: typeof plain.contexts): number =>
      Math.max(...marks.of('fillRect').map((call) => (call.fill === 'st-running-past' ? Number(call.args[2]) : 0)));
    expect(widest(folded.contexts)).toBeGreaterThan(20 * widest(plain.contexts));
    expect(folded.contexts.ground.texts.some((text) => text.includes('h'))).toBe(true);
    expect(plain.contexts.overlay.of('fillRect').length).toBeLessThan(folded.contexts.overlay.of('fillRect').length);
    const areas = folded.stage.areas().find((area) => area.id === 'ribbon')!;
    let hits = 0;
    for (let x = 110; x < 1200; x += 3) {
      const hit = folded.stage.hit(x, 40);
      const atNs = folded.stage.nsAt(x);
      if (hit?.kind === 'attempt') {
        hits++;
        expect(table.claimedNs[hit.row]! - 2e9).toBeLessThanOrEqual(atNs);
        expect(table.updatedNs[hit.row]! + 2e9).toBeGreaterThanOrEqual(atNs);
      }
      const slots = folded.stage.hit(x, areas.top + 5);
      if (slots?.kind === 'slots') expect(slots.atNs).toBeCloseTo(atNs, -1);
    }
    expect(hits).toBeGreaterThan(200);
  });

  it('stay while zooming and panning, and come and go without a new table', () => {
    const { run, endNs } = apart();
    const { stage, show, frames } = stagedLanes(run, { endNs, atNs: endNs, hasFolds: true });
    const at = stage.nsAt(400);
    stage.zoomBy(3, 400);
    expect(stage.nsAt(400) / at).toBeCloseTo(1, 6);
    stage.pan(50);
    expect(stage.nsAt(450) / at).toBeCloseTo(1, 6);
    show({ hasFolds: false });
    frames.run();
    stage.fit();
    expect(stage.nsAt(400)).not.toBeCloseTo(at, -9);
  });
});
