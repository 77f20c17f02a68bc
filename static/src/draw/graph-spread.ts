// Down: moves the few tasks of a level apart, where the layout of a tall graph leaves them no height to be read.

import type { ScopeLayout } from '../model/layout';

/** Px from middle to middle that a node of two lines needs. */
const PITCH_PX = 56;

/**
 * Middle of each element, px from the top. As the layout has them, but for levels of tasks alone that are too close for
 * labels although there is room: those stand further apart, around where they were, in the same order. Where an edge
 * passes by, they stay.
 */
export function spreadMiddles(
  scope: ScopeLayout,
  members: readonly (readonly number[])[],
  unit: number,
  height: number,
): Float64Array {
  const middles = Float64Array.from(scope.y, (y) => y * unit);
  const passing = passingEdges(scope, unit);
  members.forEach((elements, column) => {
    const pitch = Math.min(PITCH_PX, height / elements.length);
    if (elements.length < 2 || !isTooClose(middles, elements, pitch)) return;
    if (elements.some((element) => scope.size[element]! > 1)) return; // boxes have heights of their own
    const moved = spread(
      elements.map((element) => middles[element]!),
      pitch,
      height,
    );
    const top = moved[0]! - pitch / 2;
    const bottom = moved.at(-1)! + pitch / 2;
    if (passing[column]!.some((y) => y > top && y < bottom)) return;
    elements.forEach((element, i) => (middles[element] = moved[i]!));
  });
  return middles;
}

function isTooClose(middles: Float64Array, elements: readonly number[], pitch: number): boolean {
  return elements.some((element, i) => i > 0 && middles[element]! - middles[elements[i - 1]!]! < pitch);
}

/** By column, where edges pass it. */
function passingEdges(scope: ScopeLayout, unit: number): number[][] {
  const passing = Array.from({ length: scope.columns }, (): number[] => []);
  for (const { from, via } of scope.edges) {
    for (let i = 0; i < via.length; i++) passing[scope.column[from]! + 1 + i]?.push(via[i]! * unit);
  }
  return passing;
}

/**
 * Ascending places at least so far apart and half as far from both ends, each as near to where it was as the others
 * let it: isotonic regression by pooling adjacent violators (Ayer and others, 1955), then kept inside.
 */
export function spread(places: readonly number[], pitch: number, height: number): number[] {
  const pools: { sum: number; n: number }[] = [];
  places.forEach((place, i) => {
    let pool = { sum: place - i * pitch, n: 1 };
    for (let last = pools.at(-1); last && last.sum / last.n > pool.sum / pool.n; last = pools.at(-1)) {
      pool = { sum: pool.sum + last.sum, n: pool.n + last.n };
      pools.pop();
    }
    pools.push(pool);
  });
  const most = height - pitch / 2 - (places.length - 1) * pitch;
  const settled = pools.flatMap(({ sum, n }) =>
    new Array<number>(n).fill(Math.max(pitch / 2, Math.min(most, sum / n))),
  );
  return settled.map((place, i) => place + i * pitch);
}
