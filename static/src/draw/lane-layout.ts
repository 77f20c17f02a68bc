// Down: where lanes, strips and ribbon are.

import type { Lane, Lanes, WorkerLanes } from '../model/lanes';

/** What the layout of lanes depends on apart from the lanes. */
export interface LanesViewport {
  readonly width: number;
  /** Of the window: lanes scroll when they would take too much of it. */
  readonly windowWidth: number;
  readonly windowHeight: number;
  /** Height that axis, lanes and ribbon may have in total; unlimited by default. */
  readonly roomPx?: number;
  /** Take all of that height, not only as much as the lanes need. */
  readonly fill?: boolean;
  /** What the names of workers and slots need at the left; of lanes that are to begin where others do, what those need. */
  readonly namesPx?: number;
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
/** Holds "1,024 idle". */
const RIGHT_PX = 72;
const GUTTER_MORE_PX = 64;
const STRIP_PX = 26;
/** Between the parts below the axis, and below the last. */
const SLOTS_GAP_PX = 12;
const READY_GAP_PX = 8;
const BOTTOM_PX = 10;
/** Below these sizes of the window everything is a little smaller. */
const NARROW_PX = 1440;
const SHORT_PX = 900;

/** From so many lanes on they scroll, in this share of the window; from so many on each worker is one strip. */
export const SCROLL_FROM = 16;
export const FOLD_FROM = 64;
const AREA_SHARE = 0.4;
const AREA_LEAST_PX = 160;
/** Of so many lanes at least something is to be seen, however little room there is. */
const LEAST_LANES = 4;
/** In a height to be filled, lanes grow up to this many times; the ribbon takes the rest, this share of it for slots. */
const GROWTH = 1.8;
const SLOTS_SHARE = 0.7;

export function laneKey(worker: number, slot: number): number {
  return worker * 0x10000 + slot;
}

/** Heights of what is below the axis. */
interface Heights {
  readonly rows: readonly LaneRow[];
  readonly contentHeight: number;
  readonly areaHeight: number;
  readonly slotsHeight: number;
  readonly readyHeight: number;
}

/** Lays the lanes out; open = the workers whose strips are unfolded. */
export function lanesLayout(lanes: Lanes, open: ReadonlySet<number>, viewport: LanesViewport): LanesLayout {
  const isNarrow = viewport.windowWidth < NARROW_PX;
  const isFolded = lanes.lanes.length >= FOLD_FROM;
  const heights = heightsOf(lanes, isFolded, open, viewport);
  const { rows, areaHeight, slotsHeight, readyHeight } = heights;
  const slotsTop = AREA_TOP_PX + areaHeight + SLOTS_GAP_PX;
  const readyTop = slotsTop + slotsHeight + READY_GAP_PX;
  const rowOfLane = new Array<number>(lanes.lanes.length).fill(-1);
  rows.forEach((row, i) => {
    for (const lane of row.lane ? [row.lane] : row.worker.slots) {
      if (rowOfLane[lane.index] === -1 || row.lane) rowOfLane[lane.index] = i;
    }
  });
  return {
    ...heights,
    rowOfLane,
    laneAt: new Map(lanes.lanes.map((lane) => [laneKey(lane.worker, lane.slot), lane.index])),
    isFolded,
    axisHeight: AXIS_PX,
    areaTop: AREA_TOP_PX,
    slotsTop,
    readyTop,
    height: Math.ceil(readyTop + readyHeight + BOTTOM_PX),
    gutter: gutterOf(isNarrow ? 90 : 104, viewport.namesPx ?? 0),
    right: RIGHT_PX,
  };
}

/** Names get the room that they need, within bounds; beyond, they are cut. */
function gutterOf(least: number, namesPx: number): number {
  return Math.ceil(Math.min(least + GUTTER_MORE_PX, Math.max(least, namesPx)));
}

/** How high lanes and ribbon are: as they come, scrolled inside of what room there is, or grown to fill it. */
function heightsOf(lanes: Lanes, isFolded: boolean, open: ReadonlySet<number>, viewport: LanesViewport): Heights {
  const isShort = viewport.windowHeight < SHORT_PX;
  const pitch = viewport.windowWidth < NARROW_PX ? 17 : 19;
  const slotsHeight = isShort ? 32 : 44;
  const readyHeight = isShort ? 20 : 26;
  const grown = (growth: number): readonly LaneRow[] =>
    lanes.workers.length === 0 ? [] : rowsOf(lanes, isFolded, open, pitch, growth);
  const rows = grown(1);
  const contentHeight = bottomOf(rows, pitch);
  const others = AREA_TOP_PX + SLOTS_GAP_PX + slotsHeight + READY_GAP_PX + readyHeight + BOTTOM_PX;
  const room = Math.max((viewport.roomPx ?? Infinity) - others, Math.min(contentHeight, LEAST_LANES * pitch));
  if (!viewport.fill || room === Infinity) {
    const share = Math.max(AREA_LEAST_PX, viewport.windowHeight * AREA_SHARE);
    const most = lanes.lanes.length >= SCROLL_FROM ? Math.min(share, room) : room;
    return { rows, contentHeight, areaHeight: Math.min(contentHeight, most), slotsHeight, readyHeight };
  }
  if (contentHeight >= room) return { rows, contentHeight, areaHeight: room, slotsHeight, readyHeight };
  // Gaps between workers do not grow with the lanes, so this never takes more than there is.
  const larger = grown(Math.min(GROWTH, room / contentHeight));
  const largerHeight = bottomOf(larger, pitch);
  const rest = room - largerHeight;
  const slotsMore = Math.round(rest * SLOTS_SHARE);
  return {
    rows: larger,
    contentHeight: largerHeight,
    areaHeight: largerHeight,
    slotsHeight: slotsHeight + slotsMore,
    readyHeight: readyHeight + rest - slotsMore,
  };
}

/** Height of all rows; without any there is room for one. */
function bottomOf(rows: readonly LaneRow[], pitch: number): number {
  const last = rows.at(-1);
  return last ? last.top + last.height : pitch;
}

function rowsOf(lanes: Lanes, isFolded: boolean, open: ReadonlySet<number>, pitch: number, growth: number): LaneRow[] {
  const laneHeight = Math.floor(pitch * growth);
  const stripHeight = Math.floor(STRIP_PX * growth);
  const rows: LaneRow[] = [];
  let top = 0;
  for (const worker of lanes.workers) {
    if (rows.length > 0) top += WORKER_GAP_PX;
    const isOpen = !isFolded || open.has(worker.worker);
    if (isFolded) {
      rows.push({ kind: 'strip', worker, lane: null, top, height: stripHeight, isFirst: true, isOpen });
      top += stripHeight + (isOpen ? 2 : 0);
    }
    if (!isOpen) continue;
    for (const lane of worker.slots) {
      const isFirst = !isFolded && lane === worker.slots[0];
      rows.push({ kind: 'lane', worker, lane, top, height: laneHeight, isFirst, isOpen });
      top += laneHeight;
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
