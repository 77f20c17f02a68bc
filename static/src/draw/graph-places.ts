// Where single tasks are: in the graph itself, and in the cells of fan-out boxes, however deep.

import type { Block, GraphIndex } from '../model/graph-index';
import type { BodyShape, GraphGeometry } from './graph-geometry';
import { inset, within, type Rect } from './rect';

/** The parts of a fan-out's box, in the space that the box was given in. All follow from the box alone. */
export interface BoxParts {
  /** Label and progress. */
  readonly head: Rect;
  /** The body, drawn once; without height where it is a single task, of which every cell says as much. */
  readonly body: Rect;
  /** The instances. */
  readonly cells: Rect;
}

/** Shares of a box's height, and its padding by shares of its shorter side. */
const HEAD_SHARE = 0.2;
const HEAD_MOST = 20;
const BODY_SHARE = 0.36;
const PAD_SHARE = 0.05;
const PAD_MOST = 8;
/** A body's row is never taller than a node of the graph. */
const BODY_ROW_MOST = 26;

/** Cuts a box into its parts; scale = how much larger than at zoom 1 the space is, across and down. */
export function boxParts(box: Rect, body: BodyShape): BoxParts {
  const pad = Math.min(PAD_MOST, PAD_SHARE * Math.min(box.w, box.h));
  const inner = inset(box, pad, pad);
  const headH = Math.min(HEAD_MOST, inner.h * HEAD_SHARE);
  const rest = inner.h - headH;
  const bodyH = body.rects.length < 2 ? 0 : Math.min(rest * BODY_SHARE, Math.max(1, body.height) * BODY_ROW_MOST);
  const gap = Math.min(pad, rest * 0.06);
  return {
    head: { x: inner.x, y: inner.y, w: inner.w, h: headH },
    body: { x: inner.x, y: inner.y + headH, w: inner.w, h: bodyH },
    cells: { x: inner.x, y: inner.y + headH + bodyH + gap, w: inner.w, h: Math.max(0.01, rest - bodyH - gap) },
  };
}

/** A grid of equal cells, filled row by row. */
export interface CellGrid {
  /** The part of the box's area that the rows take. */
  readonly area: Rect;
  readonly count: number;
  readonly columns: number;
  readonly rows: number;
  readonly cellW: number;
  readonly cellH: number;
  /** Between cells, across and down. */
  readonly gapX: number;
  readonly gapY: number;
}

/** Cells are about this many times as wide as tall, for each level and row of the body. */
const CELL_ASPECT = 2.6;
/** Rows are no further apart than this and no higher than that, for each row of the body; few stand in the middle. */
const PITCH_MOST = 96;
const ROW_MOST = 64;
const CELL_GAP_SHARE = 0.12;
/** Instances of several levels stand further apart than their own tasks, so that they can be distinguished. */
const WIDE_GAP_SHARE = 0.09;
const WIDE_GAP_MOST = 14;

/** Lays count cells out in an area so that they are as large as they can be. */
export function cellGrid(area: Rect, count: number, body: BodyShape): CellGrid {
  const aspect = (CELL_ASPECT * Math.max(1, body.columns)) / Math.max(1, body.height);
  const n = Math.max(1, count);
  const ideal = Math.sqrt((n * area.w) / Math.max(area.h, 1e-6) / aspect);
  const columns = Math.max(1, Math.min(n, Math.round(ideal)));
  const rows = Math.ceil(n / columns);
  const cellW = area.w / columns;
  const height = Math.max(1, body.height);
  const cellH = Math.min(area.h / rows, PITCH_MOST * height);
  const gap = Math.min(cellW, cellH) * CELL_GAP_SHARE;
  const gapY = Math.max(gap, cellH - ROW_MOST * height);
  const gapX = body.columns > 1 ? Math.max(gap, Math.min(WIDE_GAP_MOST, cellW * WIDE_GAP_SHARE)) : gap;
  const taken = { ...area, y: area.y + (area.h - rows * cellH) / 2, h: rows * cellH };
  return { area: taken, count, columns, rows, cellW, cellH, gapX, gapY };
}

/** Place of one cell, without the gap to the next. */
export function cellRect(grid: CellGrid, cell: number): Rect {
  const column = cell % grid.columns;
  const row = Math.floor(cell / grid.columns);
  return {
    x: grid.area.x + column * grid.cellW + grid.gapX / 2,
    y: grid.area.y + row * grid.cellH + grid.gapY / 2,
    w: grid.cellW - grid.gapX,
    h: grid.cellH - grid.gapY,
  };
}

/** The cell at a point, -1 where there is none. */
export function cellAt(grid: CellGrid, x: number, y: number): number {
  const column = Math.floor((x - grid.area.x) / grid.cellW);
  const row = Math.floor((y - grid.area.y) / grid.cellH);
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return -1;
  const cell = row * grid.columns + column;
  return cell < grid.count ? cell : -1;
}

/** Where the element of an instance is, inside the cell of that instance. */
export function elementInCell(body: BodyShape, cell: Rect, element: number): Rect {
  const share = body.rects[element];
  return share ? within(cell, share) : cell;
}

/** Body of a fan-out, given as an element of a scope. */
export function bodyOf(geometry: GraphGeometry, scope: number, element: number): BodyShape {
  const template = geometry.graph.scopes[scope]!;
  return geometry.bodies[template.region[element - template.tasks] ?? 0] ?? geometry.bodies[0]!;
}

/** World rectangle of a node (joins: of the box they belong to); null where the layout does not know it. */
export function nodeRect(geometry: GraphGeometry, index: GraphIndex, node: number): Rect | null {
  if (node < 0 || node >= index.nodes) return null;
  const block = index.blockOf(node);
  const { element } = index.elementOf(node);
  if (block.expansion < 0) return geometry.rects[element] ?? null;
  const cell = instanceRect(geometry, index, block, index.instanceOf(node));
  return cell && elementInCell(geometry.bodies[block.scope]!, cell, element);
}

/** World rectangle of an instance's cell. */
export function instanceRect(geometry: GraphGeometry, index: GraphIndex, block: Block, instance: number): Rect | null {
  const box = nodeRect(geometry, index, block.expansion);
  const body = geometry.bodies[block.scope];
  if (!box || !body) return null;
  return cellRect(cellGrid(boxParts(box, body).cells, block.instances, body), instance);
}

/** The element of the graph itself that a node is drawn within. */
export function rootElement(index: GraphIndex, node: number): number {
  let at = node;
  for (let outer = index.expansionOf(at); outer >= 0; outer = index.expansionOf(at)) at = outer;
  return index.elementOf(at).element;
}
