// Paints the heads of columns: function, tasks and their time, and a rule that fills. They stay at the top of the screen.

import { count, counted, durationText } from '../model/format';
import { doneOf, type GraphFrame } from './graph-frame';
import type { GraphColumn } from './graph-geometry';
import { boxName } from './graph-boxes';
import { placeTitles, type PlacedTitle } from './head-titles';
import { stateIs } from './mark-state';
import { tallyOver } from './state-tally';

/** Height of the strip that heads stand on, screen px: a line for the name, one for what is known of its tasks. */
const STRIP_PX = 38;
const NAME_Y = 12;
const FACTS_Y = 26;
const RULE_Y = 31;
const RULE_PX = 2;
/** Least room between two titles. */
const APART_PX = 8;
/** Narrower columns, screen px, have no rule of their own. */
const RULE_LEAST_PX = 6;
/** A title stays this far from the left edge while so much of its column is to be seen. */
const STICK_PX = 12;
const STICK_LEAST_PX = 140;

/** Consecutive columns under one head, as they are on the screen. */
interface Head {
  readonly x: number;
  readonly w: number;
  /** Of its title: in view as long as enough of its columns is. */
  readonly textX: number;
  readonly name: string;
  /** Number of the first of its columns. */
  readonly first: number;
  readonly columns: readonly GraphColumn[];
  readonly fn: number;
}

export function paintHeads(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
  const { palette, geometry, measurer } = frame;
  const { width } = geometry.viewport;
  ctx.fillStyle = palette.bg;
  ctx.globalAlpha = 0.94;
  ctx.fillRect(0, 0, width, STRIP_PX);
  ctx.globalAlpha = 1;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'alphabetic';
  const strong = strongFont(frame);
  const heads = columnHeads(frame).filter((head) => head.x + head.w >= 0 && head.x <= width);
  const facts = heads.map((head) => headFacts(frame, head));
  const wanted = heads.map(({ textX, name }, i) => ({
    x: textX,
    width: Math.max(measurer.width(strong, name), measurer.width(regularFont(frame), facts[i]!.least)),
  }));
  const titles = new Map(placeTitles(wanted, width - APART_PX, APART_PX).map((title) => [title.of, title]));
  heads.forEach((head, i) => {
    paintRule(ctx, frame, head, facts[i]!.share);
    const title = titles.get(i);
    if (title) paintTitle(ctx, frame, head, title, facts[i]!.wordings);
  });
}

function strongFont(frame: GraphFrame): string {
  return `500 11px ${frame.palette.fontUi}`;
}

function regularFont(frame: GraphFrame): string {
  return `400 11px ${frame.palette.fontUi}`;
}

/** What the second line says of the tasks below a head. */
interface HeadFacts {
  /** Share of its tasks that ended well. */
  readonly share: number;
  readonly wordings: readonly string[];
  /** The count, which is always there. */
  readonly least: string;
}

/** Levels, tasks and their time: 99 tasks, total 1h 33m. Of one task its time alone. */
function headFacts(frame: GraphFrame, head: Head): HeadFacts {
  const { counts, total } = tallyOver(frame.columns, head.first, head.first + head.columns.length - 1);
  const done = doneOf(counts);
  let ns = 0;
  for (const column of head.columns) for (const element of column.elements) ns += frame.times.sumNs[element]!;
  const least = done === total ? count(total) : `${count(done)}/${count(total)}`;
  const levels = head.columns.length > 1 ? [`${count(head.columns.length)} levels`] : [];
  const time = ns > 0 ? [durationText(ns)] : [];
  const tasks = done === total ? counted(total, 'task') : `${least} tasks`;
  const inAll = time.map((text) => `total ${text}`);
  const wordings = total === 1 ? [time] : [[...levels, tasks, ...inAll], [...levels, tasks, ...time], [tasks], [least]];
  return {
    share: total === 0 ? 0 : done / total,
    wordings: wordings.map((parts) => parts.join(', ')),
    least: total === 1 ? '' : least,
  };
}

/** Heads of all columns; of many levels together, one for all, and one for adjacent columns that share a name and have no room. */
function columnHeads(frame: GraphFrame): Head[] {
  const { geometry, collapse, view, measurer } = frame;
  const heads: Head[] = [];
  let run: GraphColumn[][] = [];
  let name = '';
  const close = (): void => {
    const pitch = Math.min(...run.slice(1).map((columns, i) => (columns[0]!.x - run[i]![0]!.x) * view.kx));
    const isCramped = measurer.width(strongFont(frame), name) + APART_PX > pitch;
    for (const columns of isCramped ? [run.flat()] : run) heads.push(headOf(frame, name, columns));
  };
  for (let first = 0; first < geometry.columns.length; first += collapse.levels) {
    const columns = geometry.columns.slice(first, first + collapse.levels);
    const own = headName(frame, columns);
    if (own !== name && run.length > 0) {
      close();
      run = [];
    }
    name = own;
    run.push(columns);
  }
  if (run.length > 0) close();
  return heads;
}

function headOf(frame: GraphFrame, name: string, columns: readonly GraphColumn[]): Head {
  const { view } = frame;
  const left = columns[0]!;
  const right = columns.at(-1)!;
  const x = left.x * view.kx + view.ox;
  const w = (right.x + right.w - left.x) * view.kx;
  const textX = x + w > STICK_LEAST_PX ? Math.max(x, STICK_PX) : x;
  const first = frame.geometry.columnOf[left.elements[0] ?? -1] ?? 0;
  return { x, w, textX, name, first, columns, fn: left.functions[0] ?? -1 };
}

/** The commonest function of the first column, and how many others there are. */
function headName(frame: GraphFrame, columns: readonly GraphColumn[]): string {
  const { graph } = frame.index;
  const tasks = graph.scopes[0]?.tasks ?? 0;
  const names = new Set<string>();
  for (const column of columns) {
    for (const fn of column.functions) names.add(frame.index.names[fn]?.label ?? '');
    const box = column.elements.find((element) => element >= tasks);
    if (box !== undefined) names.add(boxName(frame, { scope: 0, element: box }));
  }
  const [name = ''] = names;
  return names.size > 1 ? `${name} + ${names.size - 1}` : name;
}

/** Paints the name, cut where it must be, and below it as much of the facts as has room. */
function paintTitle(
  ctx: CanvasRenderingContext2D,
  frame: GraphFrame,
  head: Head,
  place: PlacedTitle,
  facts: readonly string[],
): void {
  const { palette, measurer } = frame;
  const strong = strongFont(frame);
  const regular = regularFont(frame);
  ctx.font = strong;
  ctx.fillStyle = palette.ink;
  ctx.fillText(measurer.fitEnd(strong, head.name, place.room), place.x, NAME_Y);
  const fact = measurer.first(regular, facts, place.room);
  if (fact === '') return;
  ctx.font = regular;
  ctx.fillStyle = palette.ink3;
  ctx.fillText(fact, place.x, FACTS_Y);
}

/** One line over all columns of a head, which fills from the left. */
function paintRule(ctx: CanvasRenderingContext2D, frame: GraphFrame, head: Head, share: number): void {
  if (head.w < RULE_LEAST_PX) return;
  const { palette, colours } = frame;
  const hue = colours.mode === 'function' ? colours.functions[head.fn] : undefined;
  ctx.fillStyle = palette.lineStrong;
  ctx.fillRect(head.x, RULE_Y, head.w, RULE_PX);
  ctx.fillStyle =
    hue === undefined ? palette.mark[stateIs.succeeded]! : palette.functions[hue % palette.functions.length]!;
  ctx.fillRect(head.x, RULE_Y, head.w * (hue === undefined ? share : 1), RULE_PX);
}
