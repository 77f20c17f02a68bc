// Size of an element and ratio of its display, for canvases that fill it.

import { flushSync } from 'svelte';

import { watchRatio } from '../../draw/fit-canvas';
import type { FrameLoop } from '../../draw/frame-loop';

export type OnSize = (width: number, height: number, ratio: number) => void;

/**
 * An attachment that reports the size of an element now and whenever it or the display's ratio changes. It looks again
 * right before each frame of the loop: an observer is notified of a new size only after the frame, which would be painted twice.
 */
export function canvasSize(loop: FrameLoop, report: OnSize): (element: HTMLElement) => () => void {
  return (element) => {
    let known = '';
    const measure = (): boolean => {
      const size = [element.clientWidth, element.clientHeight, devicePixelRatio] as const;
      if (size.join() === known) return false;
      known = size.join();
      report(...size);
      return true;
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    const stops = [
      watchRatio(measure),
      loop.beforePaint(() => {
        if (measure()) flushSync();
      }),
    ];
    measure();
    return () => {
      observer.disconnect();
      for (const stop of stops) stop();
    };
  };
}
