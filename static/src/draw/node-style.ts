// What a task looks like in the graph: by its state, or by what colours mean at the moment.

import { isActive } from '../model/task-state';
import type { GraphFrame } from './graph-frame';
import { taskColour } from './node-colours';
import { stateIs, stateName } from './mark-state';
import type { ShapeStyle } from './shape-batch';

/** How a node is painted. */
export interface NodeStyle {
  /** Equal for nodes that look alike. */
  readonly key: string;
  readonly shape: ShapeStyle;
  readonly ink: string;
  readonly quietInk: string;
  readonly icon: string;
}

/** Nodes lower than this have no room for more than their colour, screen px. */
export const TINY_PX = 10.5;

const DASHED = [3, 2];
const SOLID: readonly number[] = [];

/** States whose full colour is the fill: active or bad, so loud. */
const LOUD: ReadonlySet<number> = new Set([stateIs.running, stateIs.failed, stateIs.cancelled]);
/** States that stay soft even where there is room for nothing but a colour. */
const SOFT_WHEN_TINY: ReadonlySet<number> = new Set([
  stateIs.pending,
  stateIs.succeeded,
  stateIs.cached,
  stateIs.skipped,
  stateIs['not run'],
  stateIs.ready,
]);

/** Painted as an outline that has nothing in it. */
export function isHollow(state: number): boolean {
  return state === stateIs.pending || state === stateIs.skipped;
}

/** No worker has had it: its colour says nothing but that, whatever colours mean at the moment, and its ink is quiet. */
export function isUntouched(state: number): boolean {
  return isHollow(state) || state === stateIs['not run'];
}

/** Style of a node that is h screen px high. */
export function nodeStyle(frame: GraphFrame, node: number, state: number, h: number, alpha: number): NodeStyle {
  const isTiny = h < TINY_PX;
  const byColour = frame.colours.mode !== 'state' && !isUntouched(state);
  return (byColour ? colouredStyle(frame, node, state, alpha) : null) ?? stateStyle(frame, state, isTiny, alpha);
}

function stateStyle(frame: GraphFrame, state: number, isTiny: boolean, alpha: number): NodeStyle {
  const { palette } = frame;
  const isLoud = LOUD.has(state);
  const isFull = isLoud || (isTiny && !SOFT_WHEN_TINY.has(state));
  const isPlain = state === stateIs.pending || state === stateIs['not run'];
  const isDashed = state === stateIs.skipped || state === stateIs.lost;
  // What is dimmed has lost the contrast that its own ink needs.
  const loudInk = alpha === 1 ? palette.inkOn : palette.ink;
  return {
    key: `${state}${isTiny ? 't' : ''}${alpha}`,
    shape: {
      fill: (isFull ? palette.mark[state] : palette.soft[state]) ?? palette.surface,
      stroke: (isPlain ? palette.lineStrong : palette.mark[state]) ?? palette.lineStrong,
      width: 1,
      dash: isDashed ? DASHED : SOLID,
      alpha,
    },
    ink: isLoud ? loudInk : isUntouched(state) ? palette.ink3 : palette.ink,
    quietInk: isLoud ? loudInk : state === stateIs.cached ? palette.stateInk[state]! : palette.ink3,
    icon: isLoud ? loudInk : (palette.stateInk[state] ?? palette.ink3),
  };
}

/** Filled once a worker has had it, in full while one has it; before, an outline in its colour. */
function colouredStyle(frame: GraphFrame, node: number, state: number, alpha: number): NodeStyle | null {
  const { palette, colours, states, table } = frame;
  const row = states.row[node] ?? -1;
  const worker = row < 0 ? -1 : table.worker[row]!;
  const colour = taskColour(colours, palette, frame.index.functionOf(node), worker, node);
  if (!colour) return null;
  const name = stateName(state);
  const isWaiting = state === stateIs.ready || state === stateIs.retrying;
  const isFull = isActive(name) || name === 'failed';
  const fill = isWaiting ? palette.surface : isFull ? colour.full : colour.quiet;
  const ink = isWaiting ? palette.ink3 : isFull ? colour.onFull : colour.onQuiet;
  const stroke = name === 'failed' ? palette.mark[stateIs.failed]! : colour.full;
  return {
    key: `${colours.mode}${fill}${stroke}${alpha}`,
    shape: { fill, stroke, width: name === 'failed' ? 2 : 1, dash: SOLID, alpha },
    ink,
    quietInk: ink,
    icon: ink,
  };
}
