// Down: where lanes, strips and ribbon are.

import type { Lane, Lanes, WorkerLanes } from '../model/lanes';

/** What the layout of lanes depends on besides the lanes. */
export interface LanesViewport {
  readonly width: number;
  /** Of the window: lanes scroll when they would take too much of it. */
  readonly windowWidth: number;
  readonly windowHeight: number;
}

/** A line of the lanes' area: one slot, or one worker's slots folded into a strip. top is from the area's content. */
export interface LaneRow {
  readonly kind: 'lane' | 'strip';
  readonly worker: WorkerLanes;
  /** Of a lane. */
  readonly lane: Lane | null;
  readonly top: number;
  readonly height: number;
  /** The first line of its worker, which carries its name. */
  readonly isFirst: boolean;
  /** Of a strip: its lanes are shown below. */
  readonly isOpen: boolean;
}

export interface LanesLayout {
  readonly rows: readonly LaneRow[];
  /** By place in Lanes.lanes: the row that shows the lane. */
  readonly rowOfLane: readonly number[];
  /** Worker × 65536 + slot to the place of its lane. */
  readonly laneAt: ReadonlyMap<number, number>;
  readonly isFolded: boolean;
  /** Height of all rows, and of the part of them that shows. */
  readonly contentHeight: number;
  readonly areaHeight: number;
  /** Tops of the parts, from the canvas's top. */
  readonly axisHeight: number;
  readonly areaTop: number;
  readonly slotsTop: number;
  readonly slotsHeight: number;
  readonly readyTop: number;
  readonly readyHeight: number;
  readonly height: number;
  /** Left of the plot, and right of it. */
  readonly gutter: number;
  readonly right: number;
}

const AXIS_PX = 24;
const AREA_TOP_PX = 28;
const WORKER_GAP_PX = 8;
const RIGHT_PX = 62;
const STRIP_PX = 26;
/** Below these sizes of the window everything is a little smaller. */
const NARROW_PX = 1440;
const SHORT_PX = 900;

/** From so many lanes on they scroll, in this share of the window; from so many on each worker is one strip. */
export const SCROLL_FROM = 16;
export const FOLD_FROM = 64;
const AREA_SHARE = 0.4;
const AREA_LEAST_PX = 160;

export function laneKey(worker: number, slot: number): number {
  return worker * 0x10000 + slot;
}

/** Lays the lanes out; open = the workers whose strips are unfolded. */
export function lanesLayout(lanes: Lanes, open: ReadonlySet<number>, viewport: LanesViewport): LanesLayout {
  const isNarrow = viewport.windowWidth < NARROW_PX;
  const isShort = viewport.windowHeight < SHORT_PX;
  const isFolded = lanes.lanes.length >= FOLD_FROM;
  const rows = lanes.workers.length === 0 ? [] : rowsOf(lanes, isFolded, open, isNarrow ? 16 : 19);
  const last = rows.at(-1);
  const contentHeight = last ? last.top + last.height : 19;
  const most = Math.max(AREA_LEAST_PX, viewport.windowHeight * AREA_SHARE);
  const areaHeight = lanes.lanes.length >= SCROLL_FROM ? Math.min(contentHeight, most) : contentHeight;
  const slotsTop = AREA_TOP_PX + areaHeight + 12;
  const slotsHeight = isShort ? 32 : 44;
  const readyTop = slotsTop + slotsHeight + 8;
  const readyHeight = isShort ? 20 : 26;
  const rowOfLane = new Array<number>(lanes.lanes.length).fill(-1);
  rows.forEach((row, i) => {
    for (const lane of row.lane ? [row.lane] : row.worker.slots) {
      if (rowOfLane[lane.index] === -1 || row.lane) rowOfLane[lane.index] = i;
    }
  });
  return {
    rows,
    rowOfLane,
    laneAt: new Map(lanes.lanes.map((lane) => [laneKey(lane.worker, lane.slot), lane.index])),
    isFolded,
    contentHeight,
    areaHeight,
    axisHeight: AXIS_PX,
    areaTop: AREA_TOP_PX,
    slotsTop,
    slotsHeight,
    readyTop,
    readyHeight,
    height: Math.ceil(readyTop + readyHeight + 10),
    gutter: isNarrow ? 84 : 104,
    right: RIGHT_PX,
  };
}

function rowsOf(lanes: Lanes, isFolded: boolean, open: ReadonlySet<number>, pitch: number): LaneRow[] {
  const rows: LaneRow[] = [];
  let top = 0;
  for (const worker of lanes.workers) {
    if (rows.length > 0) top += WORKER_GAP_PX;
    const isOpen = !isFolded || open.has(worker.worker);
    if (isFolded) {
      rows.push({ kind: 'strip', worker, lane: null, top, height: STRIP_PX, isFirst: true, isOpen });
      top += STRIP_PX + (isOpen ? 2 : 0);
    }
    if (!isOpen) continue;
    for (const lane of worker.slots) {
      const isFirst = !isFolded && lane === worker.slots[0];
      rows.push({ kind: 'lane', worker, lane, top, height: pitch, isFirst, isOpen });
      top += pitch;
    }
  }
  return rows;
}

/** Rows that touch [from, to) of the content, by bisection. */
export function rowsBetween(layout: LanesLayout, from: number, to: number): readonly LaneRow[] {
  const first = firstRow(layout.rows, (row) => row.top + row.height > from);
  const last = firstRow(layout.rows, (row) => row.top >= to);
  return layout.rows.slice(first, last);
}

function firstRow(rows: readonly LaneRow[], holds: (row: LaneRow) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(rows[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
