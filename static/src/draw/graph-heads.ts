// Paints the heads of columns: function, how many are done, and a rule that fills. They stay at the top of the screen.

import { count } from '../model/format';
import { doneOf, sumCounts, type GraphFrame } from './graph-frame';
import type { GraphColumn } from './graph-geometry';
import { boxName } from './graph-boxes';
import { stateIs } from './node-states';

/** Height of the strip that heads stand on, screen px. */
const STRIP_PX = 30;
const TEXT_Y = 15;
const RULE_Y = 22;
const RULE_PX = 2;
const TEXT_GAP = 6;
/** Less than this between two heads leaves the second out. */
const APART_PX = 8;
/** Narrower columns, screen px, have no rule of their own. */
const RULE_LEAST_PX = 6;
/** A title stays this far from the left edge while so much of its column is to be seen. */
const STICK_PX = 12;
const STICK_LEAST_PX = 140;

interface Head {
  readonly x: number;
  readonly w: number;
  /** Of its title: in view as long as enough of its column is. */
  readonly textX: number;
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly fn: number;
}

export function paintHeads(ctx: CanvasRenderingContext2D, frame: GraphFrame): void {
  const { palette, geometry } = frame;
  ctx.fillStyle = palette.bg;
  ctx.globalAlpha = 0.94;
  ctx.fillRect(0, 0, geometry.viewport.width, STRIP_PX);
  ctx.globalAlpha = 1;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'alphabetic';
  const heads = visibleHeads(frame);
  let free = -Infinity;
  let last = '';
  heads.forEach((head, i) => {
    paintRule(ctx, frame, head);
    // Of many levels in a row with one function, the first says so for all.
    if (head.textX < free || (frame.collapse.levels > 1 && head.name === last)) return;
    last = head.name;
    const next = heads.slice(i + 1).find((other) => other.x - head.x > APART_PX * 6);
    free = paintTitle(ctx, frame, head, (next?.x ?? geometry.viewport.width) - head.textX) + APART_PX;
  });
}

/** Heads of the columns on the screen; of many levels together, one for all. */
function visibleHeads(frame: GraphFrame): Head[] {
  const { geometry, view, collapse } = frame;
  const heads: Head[] = [];
  for (let first = 0; first < geometry.columns.length; first += collapse.levels) {
    const columns = geometry.columns.slice(first, first + collapse.levels);
    const left = columns[0]!;
    const right = columns.at(-1)!;
    const x = left.x * view.kx + view.ox;
    const w = (right.x + right.w - left.x) * view.kx;
    if (x + w < 0 || x > geometry.viewport.width) continue;
    const { counts, total } = sumCounts(
      frame,
      columns.flatMap((column) => column.elements),
    );
    heads.push({
      x,
      w,
      textX: x + w > STICK_LEAST_PX ? Math.max(x, STICK_PX) : x,
      name: headName(frame, left),
      done: doneOf(counts),
      total,
      fn: left.functions[0] ?? -1,
    });
  }
  return heads;
}

function headName(frame: GraphFrame, column: GraphColumn): string {
  const names = column.functions.map((fn) => frame.index.graph.functions[fn]?.function ?? '');
  const box = column.elements.find((element) => element >= (frame.index.graph.scopes[0]?.tasks ?? 0));
  if (box !== undefined) names.push(boxName(frame, { scope: 0, element: box }));
  return names.length > 1 ? `${names[0]} + ${names.length - 1}` : (names[0] ?? '');
}

/** Answers where the title ends. */
function paintTitle(ctx: CanvasRenderingContext2D, frame: GraphFrame, head: Head, room: number): number {
  const { palette, measurer } = frame;
  const strong = `500 11px ${palette.fontUi}`;
  const regular = `400 11px ${palette.fontUi}`;
  const name = measurer.fit(strong, head.name, room - APART_PX);
  const nameW = measurer.width(strong, name);
  ctx.font = strong;
  ctx.fillStyle = palette.ink;
  ctx.fillText(name, head.textX, TEXT_Y);
  const progress = head.total > 1 ? `${count(head.done)}/${count(head.total)}` : '';
  const progressW = measurer.width(regular, progress);
  if (progress === '' || nameW + TEXT_GAP + progressW + APART_PX >= room) return head.textX + nameW;
  ctx.font = regular;
  ctx.fillStyle = palette.ink3;
  ctx.fillText(progress, head.textX + nameW + TEXT_GAP, TEXT_Y);
  return head.textX + nameW + TEXT_GAP + progressW;
}

function paintRule(ctx: CanvasRenderingContext2D, frame: GraphFrame, head: Head): void {
  if (head.w < RULE_LEAST_PX) return;
  const { palette, colours } = frame;
  const hue = colours.mode === 'function' ? colours.functions[head.fn] : undefined;
  ctx.fillStyle = palette.lineStrong;
  ctx.fillRect(head.x, RULE_Y, head.w, RULE_PX);
  const share = head.total === 0 ? 0 : head.done / head.total;
  ctx.fillStyle =
    hue === undefined ? palette.mark[stateIs.succeeded]! : palette.functions[hue % palette.functions.length]!;
  ctx.fillRect(head.x, RULE_Y, head.w * (hue === undefined ? share : 1), RULE_PX);
}
