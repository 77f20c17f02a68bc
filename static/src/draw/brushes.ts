// The tools of painting, read from the page; made again when theme, contrast or display change.

import type { Brushes } from './graph-frame';
import { Hatches } from './hatches';
import { readPalette } from './palette';
import { canvasMeasurer } from './text-measurer';

/** Brushes in the colours that hold for an element now. */
export function readBrushes(element: Element, ratio: number): Brushes {
  return {
    palette: readPalette(getComputedStyle(element)),
    measurer: canvasMeasurer(),
    hatches: new Hatches(ratio),
  };
}
