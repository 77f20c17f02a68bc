import { afterEach, describe, expect, it, vi } from 'vitest';

import { FrameLoop, type Layer } from '../../src/draw/frame-loop';
import { ManualFrames } from './frames';

function layer(name: string, order: number, log: string[]): Layer {
  return { name, order, paint: () => log.push(name) };
}

describe('FrameLoop', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('paints dirty layers once a frame, in their order', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    const over = layer('over', 2, log);
    const under = layer('under', 1, log);
    loop.invalidate(over);
    loop.invalidate(under);
    loop.invalidate(over);
    expect(loop.idle).toBe(false);
    frames.run();
    expect(log).toEqual(['under', 'over']);
    expect(loop.idle).toBe(true);
    expect(frames.isWaiting).toBe(false);
    expect(loop.cost.painted.get('over')).toBe(1);
  });

  it('paints at once for paper, and then has nothing left to paint', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    loop.flush();
    loop.invalidate(layer('one', 1, log));
    loop.flush();
    expect(log).toEqual(['one']);
    expect(loop.idle).toBe(true);
    expect(frames.isWaiting).toBe(false);
  });

  it('paints what is invalidated while painting in the next frame', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    const second = layer('second', 0, log);
    loop.invalidate({ name: 'first', order: 1, paint: () => loop.invalidate(second) });
    frames.run();
    expect(log).toEqual([]);
    expect(loop.idle).toBe(false);
    frames.run();
    expect(log).toEqual(['second']);
  });

  it('calls back once after the next frame, unless it is called off', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    loop.afterFrame(() => log.push('after'));
    loop.afterFrame(() => log.push('called off'))();
    expect(loop.idle).toBe(true);
    loop.invalidate(layer('layer', 1, log));
    frames.run();
    loop.invalidate(layer('again', 1, log));
    frames.run();
    expect(log).toEqual(['layer', 'after', 'again']);
  });

  it('runs playback before painting until it answers false, with the time since the last frame', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const seen: number[] = [];
    loop.play((elapsedNs) => {
      seen.push(elapsedNs);
      return seen.length < 3;
    });
    for (let i = 0; i < 5; i++) frames.run(20);
    expect(seen).toEqual([0, 20e6, 20e6]);
    expect(loop.idle).toBe(true);
  });

  it('does not leap after a sleep', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const seen: number[] = [];
    loop.play((elapsedNs) => seen.push(elapsedNs) < 2);
    frames.run();
    frames.run(60_000);
    expect(seen[1]).toBeLessThanOrEqual(250e6);
  });

  it('stops playback that is cancelled', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    let ticks = 0;
    const stop = loop.play(() => ++ticks > 0);
    frames.run();
    stop();
    frames.run();
    frames.run();
    expect(ticks).toBe(1);
    expect(loop.idle).toBe(true);
  });

  it('paints the other layers when one throws', () => {
    const reported = vi.fn();
    vi.stubGlobal('reportError', reported);
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    loop.invalidate({
      name: 'bad',
      order: 0,
      paint: () => {
        throw new Error('expected');
      },
    });
    loop.invalidate(layer('good', 1, log));
    frames.run();
    expect(log).toEqual(['good']);
    expect(reported).toHaveBeenCalledOnce();
  });

  it('forgets layers and asks for nothing once disposed', () => {
    const frames = new ManualFrames();
    const loop = new FrameLoop(frames);
    const log: string[] = [];
    const gone = layer('gone', 0, log);
    loop.invalidate(gone);
    loop.remove(gone);
    frames.run();
    loop.invalidate(layer('late', 0, log));
    loop.dispose();
    frames.run();
    expect(log).toEqual([]);
    expect(loop.idle).toBe(true);
  });
});
