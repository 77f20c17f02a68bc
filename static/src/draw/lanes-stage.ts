// The lanes on their three canvases: prepares frames, knows which layer is out of date, answers what is where.

import type { Lanes } from '../model/lanes';
import { lanesOf } from '../model/run-lanes';
import type { TimeRange } from '../model/range-figures';
import { countStates } from '../model/state-counts';
import { FoldedScale } from '../model/folded-scale';
import { foldsOf, type TimeFolds, unfolded } from '../model/time-folds';
import { fitCanvas } from './fit-canvas';
import { flatten } from './flatten';
import type { FrameLoop, Layer } from './frame-loop';
import type { Brushes } from './graph-frame';
import { BucketCache } from './lane-buckets';
import { hitLanes, laneRowAt, type LaneHit } from './lane-hit';
import { lanesLayout, type LanesLayout, type LanesViewport } from './lane-layout';
import { attemptRect, nsAt, openEndOf, plotRect, type LanesFrame, type LanesInput } from './lanes-frame';
import { namesWidth } from './lanes-ground';
import { LanesPainter } from './lanes-painter';
import type { Area } from './rect';
import { RibbonCache } from './ribbon-steps';
import { SvgContext } from './svg-context';

export interface LanesCanvases {
  readonly ground: HTMLCanvasElement;
  readonly marks: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
}

/** The height that lanes need, and the width of the names at their left. */
export interface LanesNeeds {
  readonly height: number;
  readonly namesPx: number;
}

/** Zoomed in beyond this, px are shorter than the times that are recorded, ns per px. */
const LEAST_NS_PER_PX = 10;
const NO_PATH: ReadonlySet<number> = new Set();

/**
 * Lanes and ribbon on the screen. Give it input, size and brushes in any order and as often as they change. Owned by one
 * LanesCanvas; it owns the window of time, the scroll position, the unfolded workers and the sizes of its canvases.
 */
export class LanesStage {
  readonly #loop: FrameLoop;
  readonly #canvases: LanesCanvases;
  readonly #painter = new LanesPainter();
  readonly #buckets = new BucketCache();
  readonly #ribbon = new RibbonCache();
  readonly #layers: Readonly<Record<keyof LanesCanvases, Layer>>;
  readonly #open = new Set<number>();
  readonly #onNeeds: (needs: LanesNeeds) => void;
  #input: LanesInput | null = null;
  #brushes: Brushes | null = null;
  #viewport: LanesViewport = { width: 0, windowWidth: 0, windowHeight: 0 };
  #ratio = 1;
  #lanes: Lanes | null = null;
  #layout: LanesLayout | null = null;
  #window: TimeRange | null = null;
  #range: TimeRange | null = null;
  #scrollPx = 0;
  #frame: LanesFrame | null = null;
  #version = -1;
  #path: { readonly of: readonly number[] | null; readonly set: ReadonlySet<number> } = { of: null, set: NO_PATH };

  /** onNeeds is called with what the lanes need, whenever that may have changed. */
  constructor(loop: FrameLoop, canvases: LanesCanvases, onNeeds: (needs: LanesNeeds) => void) {
    this.#loop = loop;
    this.#canvases = canvases;
    this.#onNeeds = onNeeds;
    this.#layers = {
      ground: { name: 'lanes ground', order: 3, paint: () => this.#paint('ground') },
      marks: { name: 'lanes marks', order: 4, paint: () => this.#paint('marks') },
      overlay: { name: 'lanes overlay', order: 5, paint: () => this.#paint('overlay') },
    };
  }

  /** Takes what is to be shown. */
  show(input: LanesInput): void {
    const before = this.#input;
    const isNewTable = input.table !== before?.table || input.table.version !== this.#version;
    this.#input = input;
    this.#version = input.table.version;
    this.#frame = null;
    if (input.colours !== before?.colours) this.#buckets.clear();
    const hasNewSlots = input.slots !== before?.slots || input.processors !== before.processors;
    if (isNewTable || hasNewSlots || input.workers !== before?.workers) this.#relayout();
    if (isNewTable || hasNewSlots || !before || !hasSameGround(before, input))
      this.#invalidate(['ground', 'marks', 'overlay']);
    else this.#invalidate(hasSameMarks(before, input) ? ['overlay'] : ['marks', 'overlay']);
  }

  resize(viewport: LanesViewport, ratio: number): void {
    const was = this.#viewport;
    const isSame =
      was.width === viewport.width &&
      was.windowWidth === viewport.windowWidth &&
      was.windowHeight === viewport.windowHeight &&
      was.roomPx === viewport.roomPx &&
      was.namesPx === viewport.namesPx &&
      was.fill === viewport.fill;
    if (isSame && ratio === this.#ratio) return;
    this.#viewport = viewport;
    this.#ratio = ratio;
    this.#relayout();
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  setBrushes(brushes: Brushes): void {
    this.#brushes = brushes;
    this.#relayout();
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  /** The window of time that is asked for; null = all of it, also as it grows. */
  get window(): TimeRange | null {
    return this.#window;
  }

  /** Asks for a window of time. Where the run has not reached its end yet, as much as exists is shown. */
  setWindow(next: TimeRange | null): void {
    this.#window = next;
    this.#changed();
  }

  /** Marks the stretch of time that figures are of; null for none. */
  setRange(range: TimeRange | null): void {
    this.#range = range;
    this.#frame = null;
    this.#invalidate(['overlay']);
  }

  get range(): TimeRange | null {
    return this.#range;
  }

  /** Shows the whole run. */
  fit(): void {
    this.setWindow(null);
  }

  /** Zooms in time around a px, the playhead by default while it is in view. */
  zoomBy(factor: number, x?: number): void {
    const frame = this.#prepare();
    if (!frame) return;
    const plot = plotRect(frame);
    const playhead = frame.scale.px(frame.atNs);
    const isInView = playhead >= plot.x && playhead <= plot.x + plot.w;
    const zoomed = frame.scale.zoom(factor, x ?? (isInView ? playhead : plot.x + plot.w / 2));
    if (zoomed.nsPerPx < LEAST_NS_PER_PX && factor > 1) return;
    this.setWindow(windowWithin(zoomed, frame.endNs, frame.folds));
  }

  /** Moves the content by px to the right. */
  pan(dx: number): void {
    const frame = this.#prepare();
    if (frame && this.#window) this.setWindow(windowWithin(frame.scale.pan(dx), frame.endNs, frame.folds));
  }

  /** Scrolls the lanes; returns whether there was anything to scroll. */
  scroll(dy: number): boolean {
    const frame = this.#prepare();
    if (!frame) return false;
    const most = Math.max(0, frame.layout.contentHeight - frame.layout.areaHeight);
    const next = Math.min(most, Math.max(0, this.#scrollPx + dy));
    if (next === this.#scrollPx) return false;
    this.#scrollPx = next;
    this.#changed();
    return true;
  }

  /** Scrolls and pans so that the last attempt of a task is in view. */
  reveal(node: number): void {
    const frame = this.#prepare();
    const row = frame?.table.rowsOf(node).at(-1);
    const rect = frame && row !== undefined ? attemptRect(frame, row) : null;
    if (!frame || !rect) return;
    const { layout } = frame;
    const top = rect.y - layout.areaTop;
    if (top < 0) this.scroll(top - 8);
    else if (top + rect.h > layout.areaHeight) this.scroll(top + rect.h - layout.areaHeight + 8);
    const plot = plotRect(frame);
    const isInView = rect.x < plot.x + plot.w && rect.x + rect.w > plot.x;
    if (!isInView) this.pan(plot.x + plot.w / 3 - rect.x);
  }

  /** The moment at a px, within the run. */
  nsAt(x: number): number {
    const frame = this.#prepare();
    return frame ? Math.min(frame.endNs, Math.max(0, nsAt(frame, x))) : 0;
  }

  hit(x: number, y: number): LaneHit | null {
    const frame = this.#prepare();
    return frame && hitLanes(frame, x, y);
  }

  /** The parts that take gestures differently. */
  areas(): Area[] {
    const frame = this.#prepare();
    if (!frame) return [];
    const { layout, width } = frame;
    const below = { right: width, bottom: layout.height };
    return [
      { id: 'lanes', left: 0, top: 0, ...below },
      { id: 'ribbon', left: 0, top: layout.slotsTop, ...below },
      { id: 'gutter', left: 0, top: 0, right: layout.gutter, bottom: layout.height },
      { id: 'axis', left: 0, top: 0, right: width, bottom: layout.axisHeight },
    ];
  }

  /** Opens or folds the worker whose strip is at a height; returns whether there is one. */
  toggleStrip(y: number): boolean {
    const frame = this.#prepare();
    const row = frame && laneRowAt(frame, y);
    if (!row || row.kind !== 'strip') return false;
    const { worker } = row.worker;
    if (!this.#open.delete(worker)) this.#open.add(worker);
    this.#relayout();
    this.#changed();
    return true;
  }

  /** What is shown, as one canvas to save. */
  flatten(): HTMLCanvasElement {
    const { ground, marks, overlay } = this.#canvases;
    return flatten([ground, marks, overlay]);
  }

  /** What is shown, as an SVG document. */
  svg(title: string): string {
    const svg = new SvgContext();
    const prepared = this.#prepare();
    if (!prepared) return svg.document(1, 1, title);
    const frame = { ...prepared, hatches: svg.hatches };
    this.#painter.paintGround(svg.context, frame);
    this.#painter.paintMarks(svg.context, frame);
    this.#painter.paintOverlay(svg.context, frame);
    return svg.document(frame.width, frame.layout.height, title);
  }

  dispose(): void {
    for (const layer of Object.values(this.#layers)) this.#loop.remove(layer);
  }

  #changed(): void {
    this.#frame = null;
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  #invalidate(names: readonly (keyof LanesCanvases)[]): void {
    if (!this.#input || !this.#brushes || !this.#layout) return;
    for (const name of names) this.#loop.invalidate(this.#layers[name]);
  }

  #relayout(): void {
    this.#frame = null;
    const { width } = this.#viewport;
    if (!this.#input || width === 0) return;
    this.#lanes = lanesOf(this.#input.table, this.#input.slots, this.#input.processors);
    const before = this.#layout;
    const ownPx = this.#namesPx();
    const namesPx = Math.max(ownPx, this.#viewport.namesPx ?? 0);
    this.#layout = lanesLayout(this.#lanes, this.#open, { ...this.#viewport, namesPx });
    const { height, contentHeight, areaHeight } = this.#layout;
    this.#scrollPx = Math.min(this.#scrollPx, Math.max(0, contentHeight - areaHeight));
    this.#onNeeds({ height, namesPx: ownPx });
    if (before && height !== before.height) this.#invalidate(['ground', 'marks', 'overlay']);
  }

  /** What the names at the left need; nothing is known before there are fonts to measure them with. */
  #namesPx(): number {
    if (!this.#brushes || !this.#lanes) return 0;
    return namesWidth(this.#brushes, this.#lanes, this.#input?.workers ?? []);
  }

  #prepare(): LanesFrame | null {
    if (this.#frame) return this.#frame;
    const input = this.#input;
    const brushes = this.#brushes;
    if (!input || !brushes || !this.#lanes || !this.#layout) return null;
    if (this.#path.of !== input.path) this.#path = { of: input.path, set: new Set(input.path ?? []) };
    const { gutter, right } = this.#layout;
    const folds = input.hasFolds ? foldsOf(input.table) : unfolded;
    const span = this.#window ? windowWithin(this.#window, input.endNs, folds) : null;
    const edge = Math.max(gutter + 1, this.#viewport.width - right);
    const scale = new FoldedScale(span?.fromNs ?? 0, span?.toNs ?? input.endNs, gutter, edge, folds);
    this.#frame = {
      ...input,
      ...brushes,
      lanes: this.#lanes,
      layout: this.#layout,
      scale,
      width: this.#viewport.width,
      scrollPx: this.#scrollPx,
      buckets: this.#buckets,
      ribbon: this.#ribbon.of(input.table, scale, input.endNs, folds),
      folds,
      counts: countStates(input.index, input.table, input.atNs),
      onPath: this.#path.set,
      range: this.#range,
      openEndNs: openEndOf(input),
    };
    return this.#frame;
  }

  #paint(name: keyof LanesCanvases): void {
    const frame = this.#prepare();
    if (!frame) return;
    // A new size clears a canvas, so it is given right before painting: nothing flashes.
    fitCanvas(this.#canvases[name], frame.width, frame.layout.height, this.#ratio);
    const ctx = this.#canvases[name].getContext('2d');
    if (!ctx) return;
    if (name === 'ground') this.#painter.paintGround(ctx, frame);
    else if (name === 'marks') this.#painter.paintMarks(ctx, frame);
    else this.#painter.paintOverlay(ctx, frame);
  }
}

/** A window moved and cut to lie within the run, as long in shown time; null where that is all of it. */
function windowWithin(window: TimeRange, endNs: number, folds: TimeFolds): TimeRange | null {
  const shownNs = folds.shown(window.fromNs);
  const spanNs = folds.shown(window.toNs) - shownNs;
  const mostNs = folds.shown(endNs);
  if (spanNs >= mostNs) return null;
  const fromNs = Math.min(Math.max(0, shownNs), mostNs - spanNs);
  return { fromNs: folds.real(fromNs), toNs: folds.real(fromNs + spanNs) };
}

/** Two inputs that differ in nothing that the ground reads; tables are compared by the caller. */
function hasSameGround(a: LanesInput, b: LanesInput): boolean {
  return (
    a.endNs === b.endNs &&
    a.live === b.live &&
    a.hasFolds === b.hasFolds &&
    a.expected?.fromNs === b.expected?.fromNs &&
    a.expected?.toNs === b.expected?.toNs &&
    a.workers === b.workers &&
    a.axis.mode === b.axis.mode &&
    a.axis.epochMs === b.axis.epochMs
  );
}

/** The same for the marks. */
function hasSameMarks(a: LanesInput, b: LanesInput): boolean {
  const isPathSame = a.path === b.path && (a.path === null || a.selected === b.selected);
  return a.atNs === b.atNs && a.colours === b.colours && isPathSame;
}
