import { describe, expect, it } from 'vitest';

import { FrameLoop } from '../../../src/draw/frame-loop';
import { Unfolding } from '../../../src/view/state/unfolding.svelte';
import { ManualFrames } from '../../draw/frames';
import { FakeClock } from '../../fake/fake-clock';

function unfolding() {
  const frames = new ManualFrames();
  const loop = new FrameLoop(frames);
  const time = new FakeClock();
  const clock = { now: () => time.nowMs(), after: (ms: number, callback: () => void) => time.after(ms, callback) };
  return { page: new Unfolding(loop, clock), frames, loop, time };
}

const layer = { name: 'picture', order: 0, paint: () => undefined };

describe('how a page unfolds', () => {
  it('adds nothing before the pictures were painted, and then one piece at a time', () => {
    const { page, frames, loop, time } = unfolding();
    expect(page.has('pictures')).toBe(true);
    loop.invalidate(layer);
    page.begin();
    expect(page.has('summary')).toBe(false);
    frames.run();
    expect(page.has('summary')).toBe(false);
    time.advance(16);
    expect([page.has('summary'), page.has('details'), page.done]).toEqual([true, false, false]);
    time.advance(16);
    expect(page.done).toBe(true);
    time.advance(10_000);
    expect(page.done).toBe(true);
  });

  it('waits for no frame in a hidden tab, which gets none', () => {
    const { page, time } = unfolding();
    page.begin();
    page.begin();
    time.advance(499);
    expect(page.has('summary')).toBe(false);
    time.advance(1);
    expect(page.has('summary')).toBe(true);
  });

  it('adds nothing more once it is stopped', () => {
    const { page, frames, loop, time } = unfolding();
    loop.invalidate(layer);
    page.begin();
    frames.run();
    page.stop();
    time.advance(10_000);
    expect(page.has('summary')).toBe(false);
  });
});
