import { describe, expect, test } from 'vitest';

import { Playhead, type Speed, speeds, speedText, type Steps } from '../../src/model/playhead';
import { forSeeds } from '../fake/random';

const times = (factor: number): Speed => ({ kind: 'times', factor });

function live(nowNs: number): Playhead {
  const playhead = new Playhead();
  playhead.setSpeed(times(1));
  playhead.follow(nowNs, true);
  return playhead;
}

function finished(endNs: number): Playhead {
  const playhead = new Playhead();
  playhead.setSpeed(times(1));
  playhead.follow(endNs, false);
  return playhead;
}

const steps: Steps = {
  eventBefore: (atNs) => [10, 20, 30].filter((at) => at < atNs).at(-1) ?? NaN,
  eventAfter: (atNs) => [10, 20, 30].find((at) => at > atNs) ?? NaN,
};

describe('of a live run', () => {
  test('it is pinned to now, which advances with real time', () => {
    const playhead = live(100);
    expect(playhead).toMatchObject({ atNs: 100, nowNs: 100, pinned: true });
    expect(playhead.tick(50, true)).toBe(true);
    expect(playhead).toMatchObject({ atNs: 150, nowNs: 150 });
    playhead.follow(140, true); // a little less than what was extrapolated
    expect(playhead.atNs).toBe(150);
    playhead.follow(160, true);
    expect(playhead.atNs).toBe(160);
  });

  test('its clock stops while the link is cut', () => {
    const playhead = live(100);
    expect(playhead.tick(1e9, false)).toBe(false);
    expect(playhead).toMatchObject({ atNs: 100, nowNs: 100 });
  });

  test('seeking detaches, and End pins it again', () => {
    const playhead = live(100);
    expect(playhead.seek(100)).toBe(true);
    expect(playhead.pinned).toBe(false);
    playhead.tick(50, true);
    expect(playhead).toMatchObject({ atNs: 100, nowNs: 150 });
    playhead.seek(40);
    expect(playhead.seek(40)).toBe(false);
    expect(playhead.end()).toBe(true);
    expect(playhead).toMatchObject({ atNs: 150, pinned: true });
    expect(playhead.end()).toBe(false);
  });

  test('playing in some seconds catches up with a run that is younger than that', () => {
    const playhead = new Playhead();
    playhead.follow(1e9, true);
    playhead.seek(0);
    playhead.play();
    for (let i = 0; i < 20; i++) playhead.tick(0.1e9, true);
    expect(playhead).toMatchObject({ playing: false, pinned: true });
  });

  test('pausing detaches where it stands', () => {
    const playhead = live(100);
    expect(playhead.pause()).toBe(true);
    playhead.tick(50, true);
    expect(playhead).toMatchObject({ atNs: 100, pinned: false });
    expect(playhead.pause()).toBe(false);
  });

  test('playing catches up with now and stays there', () => {
    const playhead = live(100);
    playhead.seek(0);
    playhead.setSpeed(times(10));
    expect(playhead.play()).toBe(true);
    playhead.tick(5, true);
    expect(playhead).toMatchObject({ atNs: 50, playing: true });
    playhead.tick(10, true);
    expect(playhead).toMatchObject({ atNs: 115, nowNs: 115, playing: false, pinned: true });
    expect(playhead.play()).toBe(false);
  });

  test('when the run ends, now is its end', () => {
    const playhead = live(100);
    playhead.tick(50, true);
    playhead.follow(120, false);
    expect(playhead).toMatchObject({ atNs: 120, nowNs: 120, pinned: false });
    expect(playhead.tick(50, true)).toBe(false);
  });
});

describe('of a finished run', () => {
  test('it begins at the end, and plays from the start', () => {
    const playhead = finished(100);
    expect(playhead).toMatchObject({ atNs: 100, pinned: false });
    playhead.play();
    expect(playhead.atNs).toBe(0);
    playhead.tick(30, true);
    expect(playhead.atNs).toBe(30);
    playhead.tick(100, true);
    expect(playhead).toMatchObject({ atNs: 100, playing: false });
    expect(playhead.tick(100, true)).toBe(false);
  });

  test('Home and End go to its ends, and seeking stays within', () => {
    const playhead = finished(100);
    playhead.home();
    expect(playhead.atNs).toBe(0);
    playhead.seek(-5);
    expect(playhead.atNs).toBe(0);
    playhead.seek(1e9);
    expect(playhead.atNs).toBe(100);
    playhead.home();
    playhead.end();
    expect(playhead.atNs).toBe(100);
  });

  test('a seek while playing continues from the new place', () => {
    const playhead = finished(100);
    playhead.play();
    playhead.seek(60);
    playhead.tick(5, true);
    expect(playhead).toMatchObject({ atNs: 65, playing: true });
  });

  test('steps from event to event, and stops playing', () => {
    const playhead = finished(100);
    playhead.play();
    playhead.step(1, steps);
    expect(playhead).toMatchObject({ atNs: 10, playing: false });
    playhead.step(1, steps);
    playhead.step(1, steps);
    expect(playhead.atNs).toBe(30);
    expect(playhead.step(1, steps)).toBe(false);
    playhead.step(-1, steps);
    expect(playhead.atNs).toBe(20);
    playhead.seek(0);
    expect(playhead.step(-1, steps)).toBe(false);
  });

  test.each([5e6, 14.5 * 3600e9])('all of it plays in the seconds that were asked for, %d ns too', (lengthNs) => {
    const playhead = new Playhead();
    playhead.follow(lengthNs, false);
    expect(speedText(playhead.speed)).toBe('in 10\u00a0s');
    playhead.play();
    playhead.tick(5e9, true);
    expect(playhead.atNs).toBeCloseTo(lengthNs / 2, -2);
    playhead.tick(4.99e9, true);
    expect(playhead.playing).toBe(true);
    playhead.tick(0.02e9, true);
    expect(playhead).toMatchObject({ atNs: lengthNs, playing: false });
  });

  test('a choice that is made already changes nothing', () => {
    const playhead = finished(100);
    expect(playhead.setSpeed(times(5))).toBe(true);
    expect(playhead.setSpeed(times(5))).toBe(false);
    expect(speeds.map(speedText).slice(0, 3)).toEqual(['in 10\u00a0s', 'in 60\u00a0s', '× 0.1']);
  });
});

test('whatever happens, it stays within the run, and now never turns back while the run is live', () => {
  forSeeds(100, (random) => {
    const playhead = new Playhead();
    let isLive = true;
    for (let i = 0; i < 100; i++) {
      const nowNs = playhead.nowNs;
      const acts = [
        () => playhead.follow(random.whole(0, 1000), isLive),
        () => playhead.tick(random.whole(0, 50), random.chance(0.8)),
        () => playhead.seek(random.whole(-10, 1200)),
        () => playhead.step(random.chance(0.5) ? 1 : -1, steps),
        () => playhead.play(),
        () => playhead.pause(),
        () => playhead.home(),
        () => playhead.end(),
        () => playhead.setSpeed(random.pick(speeds)),
      ];
      const before = JSON.stringify([playhead.atNs, playhead.nowNs, playhead.pinned, playhead.playing, playhead.speed]);
      const changed = random.pick(acts)();
      const after = JSON.stringify([playhead.atNs, playhead.nowNs, playhead.pinned, playhead.playing, playhead.speed]);
      if (!changed) expect(after).toBe(before);
      expect(playhead.atNs).toBeGreaterThanOrEqual(0);
      expect(playhead.atNs).toBeLessThanOrEqual(playhead.nowNs);
      if (isLive) expect(playhead.nowNs).toBeGreaterThanOrEqual(nowNs);
      if (playhead.pinned) expect(playhead.atNs).toBe(playhead.nowNs);
      if (random.chance(0.02)) {
        isLive = false;
        playhead.follow(playhead.nowNs, false);
      }
    }
  });
});
