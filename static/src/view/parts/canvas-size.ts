// Size of an element and ratio of its display, for canvases that fill it.

import { watchRatio } from '../../draw/fit-canvas';

export type OnSize = (width: number, height: number, ratio: number) => void;

/** An attachment that reports the size of an element now and whenever it or the display's ratio changes. */
export function canvasSize(report: OnSize): (element: HTMLElement) => () => void {
  return (element) => {
    const measure = (): void => report(element.clientWidth, element.clientHeight, devicePixelRatio);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    const stop = watchRatio(measure);
    measure();
    return () => {
      observer.disconnect();
      stop();
    };
  };
}
