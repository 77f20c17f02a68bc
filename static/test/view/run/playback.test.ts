import { describe, expect, it } from 'vitest';

import { FrameLoop } from '../../../src/draw/frame-loop';
import { GraphView } from '../../../src/model/graph-view';
import { formatRunUrl, runUrlDefaults } from '../../../src/model/url-state';
import { GraphPlace, placeOf, viewOf } from '../../../src/view/state/graph-place';
import { LanesPlace } from '../../../src/view/state/lanes-place';
import { Pace } from '../../../src/view/state/pace.svelte';
import { type PageClock, Playback } from '../../../src/view/state/playback.svelte';
import { changeChoices, runPath } from '../../../src/view/state/run-choices';
import { FakeClock } from '../../fake/fake-clock';

/** A page's clock over the fake one, and frames that come when they are asked for. */
function page(): { clock: PageClock; time: FakeClock; loop: FrameLoop; frame: (ms: number) => void } {
  const time = new FakeClock();
  let asked: ((nowMs: number) => void) | undefined;
  const loop = new FrameLoop({
    request: (callback) => {
      asked = callback;
      return 1;
    },
    cancel: () => (asked = undefined),
    now: () => time.nowMs(),
  });
  return {
    time,
    loop,
    clock: { now: () => time.nowMs(), after: (ms, callback) => time.after(ms, callback) },
    frame: (ms) => {
      time.advance(ms);
      const callback = asked;
      asked = undefined;
      callback?.(time.nowMs());
    },
  };
}

function playback(): ReturnType<typeof page> & { playback: Playback; moves: () => number } {
  let moves = 0;
  const made = page();
  return { ...made, playback: new Playback(made.loop, () => moves++, made.clock), moves: () => moves };
}

describe('playback', () => {
  it('goes to the end of a past run, and plays from its start to its end', () => {
    const { playback: p, frame, loop } = playback();
    p.follow(1e9, false);
    p.setSpeed({ kind: 'times', factor: 1 });
    expect([p.atNs, p.pinned]).toEqual([1e9, false]);
    p.toggle();
    expect([p.atNs, p.playing, loop.idle]).toEqual([0, true, false]);
    frame(16);
    frame(100);
    expect(p.atNs).toBe(1e8);
    for (let i = 0; i < 20; i++) frame(100);
    expect([p.atNs, p.playing, loop.idle]).toEqual([1e9, false, true]);
  });

  it('follows a live run between frames of the stream, and stands while nothing is heard', () => {
    const { playback: p, time } = playback();
    let linked = true;
    p.watchLink(() => linked);
    p.follow(1e9, true);
    expect(p.pinned).toBe(true);
    time.advance(200);
    expect(p.atNs).toBeGreaterThan(1.1e9);
    expect(p.atNs).toBeLessThanOrEqual(1.2e9);
    linked = false;
    const stood = p.atNs;
    time.advance(5000);
    expect(p.atNs).toBe(stood);
  });

  it('is detached by a seek and pinned again by the end', () => {
    const { playback: p, time } = playback();
    p.follow(2e9, true);
    p.seek(1e9);
    time.advance(300);
    expect([p.atNs, p.pinned]).toEqual([1e9, false]);
    expect(p.nowNs).toBeGreaterThan(2e9);
    p.end();
    expect([p.atNs === p.nowNs, p.pinned]).toEqual([true, true]);
  });

  it('goes where a link says as soon as the run is known', () => {
    const { playback: p } = playback();
    p.seekLinked(4e8);
    expect(p.atNs).toBe(0);
    p.follow(1e9, false);
    expect(p.atNs).toBe(4e8);
    p.seekLinked(null);
    expect(p.atNs).toBe(1e9);
  });

  it('reports changes only', () => {
    const { playback: p, moves } = playback();
    p.follow(1e9, false);
    const before = moves();
    p.follow(1e9, false);
    p.end();
    p.setSpeed(p.speed);
    expect(moves()).toBe(before);
    p.seek(5);
    expect(moves()).toBe(before + 1);
  });

  it('leaves no timer running', () => {
    const { playback: p, time } = playback();
    p.follow(1e9, true);
    p.stop();
    expect(time.pending).toBe(0);
  });
});

describe('pace of panels', () => {
  it('follows everything of a small run', () => {
    const { clock } = page();
    const pace = new Pace(clock);
    pace.offer(1, 10, 100);
    pace.offer(1, 11, 100);
    expect([pace.atNs, pace.idle]).toEqual([11, true]);
  });

  it('shows a large run ten times a second, and the newest at last', () => {
    const { clock, time } = page();
    const pace = new Pace(clock);
    const seen: number[] = [];
    for (let at = 0; at < 30; at++) {
      pace.offer(1, at, 50_000);
      time.advance(10);
      if (seen.at(-1) !== pace.atNs) seen.push(pace.atNs);
    }
    expect(seen.length).toBeLessThanOrEqual(4);
    time.advance(100);
    expect([pace.atNs, pace.idle]).toEqual([29, true]);
  });

  it('rests longer where the table of a very large run has changed', () => {
    const { clock, time } = page();
    const pace = new Pace(clock);
    pace.offer(1, 0, 100_000);
    pace.offer(2, 1, 100_000);
    time.advance(400);
    expect(pace.version).toBe(1);
    time.advance(100);
    expect([pace.version, pace.atNs]).toEqual([2, 1]);
  });
});

describe('choices in the address', () => {
  const app = (): {
    url: URL;
    went: [string, boolean][];
    navigate: (path: string, o?: { replace?: boolean }) => void;
  } => {
    const made = {
      url: new URL('http://h/x/runs/r1?task=4&mode=function'),
      went: [] as [string, boolean][],
      navigate: (path: string, options?: { replace?: boolean }) => {
        made.went.push([path, options?.replace === true]);
        made.url = new URL(`http://h/x${path}`);
      },
    };
    return made;
  };

  it('change one thing and keep the others; a drag leaves no trace in the history', () => {
    const a = app();
    changeChoices(a, (choices) => runPath('r1', choices), { tab: 'events' }, 'decision');
    changeChoices(a, (choices) => runPath('r1', choices), { atNs: 5e8 }, 'drag');
    expect(a.went).toEqual([
      ['/runs/r1?task=4&mode=function&tab=events', false],
      ['/runs/r1?t=0.5&task=4&mode=function&tab=events', true],
    ]);
  });

  it('escape the run', () => {
    expect(runPath('a/b', runUrlDefaults)).toBe(`/runs/a%2Fb${formatRunUrl(runUrlDefaults)}`);
  });
});

describe('the place in the graph', () => {
  const size = { width: 1000, height: 500 };

  it('holds on another screen', () => {
    const place = placeOf(new GraphView(2, 2, -500, -100), size)!;
    expect(viewOf(place, { width: 2000, height: 1000 })).toMatchObject({ kx: 2, ky: 2, ox: -1000, oy: -200 });
    expect(placeOf(viewOf(null, size), size)).toBeNull();
  });

  it('is kept once when a gesture rests, and what was kept moves nothing', () => {
    const { clock, time } = page();
    const kept: unknown[] = [];
    const shown: GraphView[] = [];
    let view = new GraphView(1, 1, 0, 0);
    const canvas = { view: () => view, setView: (next: GraphView) => shown.push(next) };
    const place = new GraphPlace((graph) => kept.push(graph), clock);
    for (let k = 1; k <= 5; k++) {
      view = new GraphView(k, k, -10 * k, 0);
      place.moved(canvas, size);
      time.advance(50);
    }
    time.advance(300);
    expect(kept).toEqual([{ kx: 5, ky: 5, ox: -0.05, oy: 0 }]);
    place.follow({ kx: 5, ky: 5, ox: -0.05, oy: 0 }, canvas, size);
    place.follow(null, canvas, size);
    time.advance(1);
    expect(shown).toEqual([new GraphView(1, 1, 0, 0)]);
  });

  it('is given to a canvas that takes the place of another, and is not lost by it', () => {
    const { clock, time } = page();
    const kept: unknown[] = [];
    const place = new GraphPlace((graph) => kept.push(graph), clock);
    const there = { kx: 2, ky: 2, ox: 0, oy: 0 };
    const canvas = () => {
      const one = { view: () => one.now, setView: (next: GraphView) => (one.now = next), now: new GraphView() };
      return one;
    };
    const [first, second] = [canvas(), canvas()];
    for (const one of [first, second]) {
      place.moved(one, size);
      place.follow(there, one, size);
      time.advance(1);
      place.moved(one, size);
      time.advance(300);
      expect(one.now).toMatchObject(there);
    }
    expect(kept).toEqual([]);
  });
});

describe('the window of the lanes', () => {
  it('is kept in whole ns when a gesture rests, and comes back with the address', () => {
    const { clock, time } = page();
    const kept: unknown[] = [];
    const shown: unknown[] = [];
    const canvas = { setTimeWindow: (next: unknown) => shown.push(next) };
    const place = new LanesPlace((lanes, kind) => kept.push([lanes, kind]), clock);
    place.follow(null, canvas);
    for (let k = 1; k <= 3; k++) {
      place.moved({ fromNs: k * 1e9 + 0.4, toNs: 9e9 - 0.4 });
      time.advance(50);
    }
    time.advance(300);
    const window = { fromNs: 3e9, toNs: 9e9 };
    expect(kept).toEqual([[window, 'drag']]);
    place.follow(window, canvas);
    time.advance(1);
    expect(shown).toEqual([]);
    place.follow(null, canvas);
    time.advance(1);
    place.follow(window, canvas);
    time.advance(1);
    expect(shown).toEqual([null, window]);
  });

  it('of the address wins over a gesture that has not come to rest', () => {
    const { clock, time } = page();
    const kept: unknown[] = [];
    const place = new LanesPlace((lanes) => kept.push(lanes), clock);
    place.moved({ fromNs: 1e9, toNs: 2e9 });
    place.follow({ fromNs: 5e9, toNs: 6e9 }, { setTimeWindow: () => undefined });
    time.advance(1000);
    expect(kept).toEqual([]);
  });
});
