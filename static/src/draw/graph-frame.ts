// Everything that painting the graph reads, prepared once a frame.

import type { GraphIndex } from '../model/graph-index';
import type { GraphView } from '../model/graph-view';
import type { RunTable } from '../model/run-table';
import type { EdgeEnds } from './edge-ends';
import type { GraphGeometry } from './graph-geometry';
import type { Collapse } from './graph-groups';
import type { ElementTimes } from './graph-times';
import type { Hatches } from './hatches';
import type { NodeColours } from './node-colours';
import { stateIs, STATES } from './mark-state';
import type { NodeStates } from '../model/node-states';
import type { Palette } from './palette';
import type { Rect } from './rect';
import type { Tally } from './state-tally';
import type { TextMeasurer } from './text-measurer';

/** What the page asks to be shown. */
export interface GraphInput {
  readonly index: GraphIndex;
  readonly table: RunTable;
  readonly atNs: number;
  readonly live: boolean;
  /** Task nodes, -1 for none. */
  readonly selected: number;
  readonly hovered: number;
  /** The picture has the keyboard's focus. */
  readonly focused: boolean;
  readonly colours: NodeColours;
  /** Task nodes of the critical path, first to last; null = not shown. */
  readonly path: readonly number[] | null;
  /** Past median of a function's execute time, NaN where there is none. */
  median(fn: number): number;
  slack?(node: number): number;
}

/** Tools and colours of painting, replaced with the theme or the display. */
export interface Brushes {
  readonly palette: Palette;
  readonly measurer: TextMeasurer;
  readonly hatches: Hatches;
}

export interface GraphFrame extends GraphInput, Brushes {
  readonly geometry: GraphGeometry;
  readonly view: GraphView;
  readonly collapse: Collapse;
  readonly ends: EdgeEnds;
  readonly states: NodeStates;
  readonly onPath: ReadonlySet<number>;
  /** How many tasks are in each state: by element of the graph, by group of what is drawn, by column. */
  readonly elements: Tally;
  readonly groups: Tally;
  readonly columns: Tally;
  readonly times: ElementTimes;
}

/** A world rectangle on the screen. */
export function toScreen(view: GraphView, rect: Rect): Rect {
  return {
    x: rect.x * view.kx + view.ox,
    y: rect.y * view.ky + view.oy,
    w: rect.w * view.kx,
    h: rect.h * view.ky,
  };
}

/** The part of the world that the screen shows, with a margin of some screen px. */
export function visibleWorld(frame: { geometry: GraphGeometry; view: GraphView }, marginPx = 24): Rect {
  const { view, geometry } = frame;
  return {
    x: (-marginPx - view.ox) / view.kx,
    y: (-marginPx - view.oy) / view.ky,
    w: (geometry.viewport.width + 2 * marginPx) / view.kx,
    h: (geometry.viewport.height + 2 * marginPx) / view.ky,
  };
}

/** How many of an element's tasks are in a state. */
export function countOf(frame: GraphFrame, element: number, state: number): number {
  return frame.elements.counts[element * STATES + state]!;
}

/** Tasks among the counted that are done. */
export function doneOf(counts: Uint32Array): number {
  return counts[stateIs.succeeded]! + counts[stateIs.cached]!;
}

/** Opacity of what is not on the shown path. */
export const DIMMED = 0.35;
