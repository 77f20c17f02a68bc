// Which of very many edges are painted: beyond some hundreds lines only make a grey mat, and cost the frame.

import type { EdgeLayout } from '../model/layout';
import { eachVisibleEdge } from './graph-edges';
import { visibleWorld, type GraphFrame } from './graph-frame';
import { overlaps } from './rect';

/** Most edges that are painted of those with both ends in sight, with one, and with none, which only pass through. */
const MOST_WHOLE = 2000;
const MOST_HALF = 500;
const MOST_PASSING = 250;
/** The edges that are painted. Which of many are left out depends on their numbers, so that nothing flickers in a pan. */
export function paintedEdges(frame: GraphFrame): readonly number[] {
  const world = visibleWorld(frame, 0);
  const { rects } = frame.geometry;
  const whole: number[] = [];
  const half: number[] = [];
  const passing: number[] = [];
  eachVisibleEdge(frame, (i: number, edge: EdgeLayout) => {
    const ends = Number(overlaps(rects[edge.from]!, world)) + Number(overlaps(rects[edge.to]!, world));
    (ends === 2 ? whole : ends === 1 ? half : passing).push(i);
  });
  return [...thinned(passing, MOST_PASSING), ...thinned(half, MOST_HALF), ...thinned(whole, MOST_WHOLE)];
}

/** Edges side by side take at most this share of the picture's height: more, and they are a mat. */
const MOST_INK = 0.5;
const LEAST_SHARE = 1 / 64;

/**
 * What share of their width edges keep whose widths add up to inkPx, in a picture of a height. A power of two, so that
 * widths do not swell and shrink while the picture is moved.
 */
export function widthShare(inkPx: number, heightPx: number): number {
  let share = 1;
  while (share > LEAST_SHARE && inkPx * share > MOST_INK * heightPx) share /= 2;
  return share;
}

/** Every one where they are few enough, else every second, fourth … by number. */
export function thinned(edges: readonly number[], most: number): readonly number[] {
  let step = 1;
  while (edges.length > most * step) step *= 2;
  return step === 1 ? edges : edges.filter((i) => i % step === 0);
}
