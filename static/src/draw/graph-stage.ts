// The graph on its three canvases: prepares frames, knows which layer is out of date, answers what is where.

import type { GraphIndex } from '../model/graph-index';
import { GraphView } from '../model/graph-view';
import type { Layout } from '../model/layout';
import { EdgeEnds } from './edge-ends';
import { fitCanvas } from './fit-canvas';
import { flatten } from './flatten';
import type { FrameLoop, Layer } from './frame-loop';
import { type Brushes, type GraphFrame, type GraphInput } from './graph-frame';
import { graphGeometry, type GraphGeometry } from './graph-geometry';
import { Collapser } from './graph-groups';
import { hitGraph, type GraphHit } from './hit';
import { keepInSight, WHOLE, zoomLimits, zoomWithin } from './graph-limits';
import { minimapRect, minimapWorld } from './graph-minimap';
import { edgeLook, GraphPainter, markRect } from './graph-painter';
import { nodeRect } from './graph-places';
import { nextTask } from './graph-steps';
import { GraphTallies } from './graph-tallies';
import { ElementTimes, wholeSums } from './graph-times';
import { NodeStates } from '../model/node-states';
import type { Area, Viewport } from './rect';
import { SvgContext } from './svg-context';

export interface GraphCanvases {
  readonly ground: HTMLCanvasElement;
  readonly marks: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
}

/** What follows from layout and viewport, and from the times of a run that has ended. */
interface Shape {
  readonly isWeighed: boolean;
  readonly geometry: GraphGeometry;
  readonly collapser: Collapser;
  readonly ends: EdgeEnds;
}

/** Times of a whole run, which were worked out for a version of its table. */
interface Whole {
  readonly version: number;
  readonly index: GraphIndex | null;
  readonly sums: Float64Array | null;
}

/** A node this high on the screen has room for its name. */
const READABLE_PX = 16;
const NO_PATH: ReadonlySet<number> = new Set();

/**
 * One graph on the screen. Give it input, size and brushes in any order and as often as they change; it invalidates
 * only the layers that read what changed. Nothing is painted before all three are set. Owned by one GraphCanvas; it owns
 * the view, the sizes of its canvases and all that is derived from the input, which stays the page's.
 */
export class GraphStage {
  readonly #loop: FrameLoop;
  readonly #canvases: GraphCanvases;
  readonly #painter = new GraphPainter();
  readonly #states = new NodeStates();
  readonly #tallies = new GraphTallies();
  readonly #times = new ElementTimes();
  readonly #layers: Readonly<Record<keyof GraphCanvases, Layer>>;
  #input: GraphInput | null = null;
  #layout: Layout | null = null;
  #brushes: Brushes | null = null;
  #viewport: Viewport = { width: 0, height: 0, narrow: false };
  #ratio = 1;
  #shape: Shape | null = null;
  #view = WHOLE;
  #frame: GraphFrame | null = null;
  #groundKey = '';
  #hasOverlay = false;
  #path: { readonly of: readonly number[] | null; readonly set: ReadonlySet<number> } = { of: null, set: NO_PATH };
  #version = -1;
  #whole: Whole = { version: -1, index: null, sums: null };

  constructor(loop: FrameLoop, canvases: GraphCanvases) {
    this.#loop = loop;
    this.#canvases = canvases;
    this.#layers = {
      ground: { name: 'graph ground', order: 0, paint: () => this.#paintGround() },
      marks: { name: 'graph marks', order: 1, paint: () => this.#paintMarks() },
      overlay: { name: 'graph overlay', order: 2, paint: () => this.#paintOverlay() },
    };
  }

  /** Takes what is to be shown; of two inputs that differ in hover or focus alone only the overlay is painted. */
  show(input: GraphInput, layout: Layout | null): void {
    const before = this.#input;
    const isNewLayout = layout !== this.#layout || input.index !== before?.index;
    const isNewTable = input.table.version !== this.#version;
    this.#input = input;
    this.#version = input.table.version;
    this.#frame = null;
    const isWeighedAnew = this.#shape !== null && this.#shape.isWeighed !== input.table.ended;
    if (isNewLayout || isWeighedAnew) {
      this.#layout = layout;
      this.#reshape();
      return;
    }
    const isSameMarks = !isNewTable && before !== null && hasSameMarks(before, input);
    this.#invalidate(isSameMarks ? ['overlay'] : ['ground', 'marks', 'overlay']);
  }

  resize(viewport: Viewport, ratio: number): void {
    const was = this.#viewport;
    const isSame = was.width === viewport.width && was.height === viewport.height && was.narrow === viewport.narrow;
    if (isSame && ratio === this.#ratio) return;
    // The same part of the graph stays in view: offsets are px of the viewport.
    if (was.width > 0 && was.height > 0) {
      const { kx, ky, ox, oy } = this.#view;
      this.#view = new GraphView(kx, ky, (ox * viewport.width) / was.width, (oy * viewport.height) / was.height);
    }
    this.#viewport = viewport;
    this.#ratio = ratio;
    this.#reshape();
  }

  setBrushes(brushes: Brushes): void {
    this.#brushes = brushes;
    this.#frame = null;
    this.#groundKey = '';
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  get view(): GraphView {
    return this.#view;
  }

  setView(view: GraphView): void {
    const shape = this.#shaped();
    if (!shape) return;
    this.#view = keepInSight(view, shape.geometry);
    this.#frame = null;
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  fit(): void {
    this.setView(WHOLE);
  }

  /** Zooms around a point, the middle by default. */
  zoomBy(factor: number, x = this.#viewport.width / 2, y = this.#viewport.height / 2): void {
    const shape = this.#shaped();
    if (!shape || !this.#input) return;
    const limits = zoomLimits(shape.geometry, mostInstances(this.#input.index));
    this.setView(zoomWithin(this.#view, limits, factor, x, y));
  }

  pan(dx: number, dy: number): void {
    this.setView(this.#view.pan(dx, dy));
  }

  /**
   * Brings a task to the middle, zoomed in as far as its name takes; where it is in view and can be read, nothing moves.
   */
  reveal(node: number): void {
    const shape = this.#shaped();
    const rect = shape && this.#input ? nodeRect(shape.geometry, this.#input.index, node) : null;
    if (!shape || !rect || !this.#input) return;
    const { width, height } = this.#viewport;
    const [left, top] = [this.#view.toX(rect.x), this.#view.toY(rect.y)];
    const [w, h] = [rect.w * this.#view.kx, rect.h * this.#view.ky];
    const isInView = left >= 0 && top >= 0 && left + w <= width && top + h <= height;
    if (isInView && h >= READABLE_PX) return;
    const limits = zoomLimits(shape.geometry, mostInstances(this.#input.index));
    const { kx, ky } = zoomWithin(this.#view, limits, Math.max(1, READABLE_PX / h), 0, 0);
    this.setView(
      new GraphView(kx, ky, width / 2 - (rect.x + rect.w / 2) * kx, height / 2 - (rect.y + rect.h / 2) * ky),
    );
  }

  /** How far it is zoomed, for the button that says so. */
  scaleText(): string {
    const { kx, ky, ox, oy } = this.#view;
    const k = Math.max(kx, ky);
    if (k === 1) return ox === 0 && oy === 0 ? 'Fit' : '× 1.0';
    return k < 10 ? `× ${k.toFixed(1)}` : `× ${k.toFixed(0)}`;
  }

  hit(x: number, y: number): GraphHit | null {
    const frame = this.#prepare();
    return frame && hitGraph(frame, x, y);
  }

  /** The parts that take gestures differently: the graph, and on it the minimap while it is shown. */
  areas(): Area[] {
    const frame = this.#prepare();
    const map = frame && minimapRect(frame);
    const { width, height } = this.#viewport;
    const graph = { id: 'graph', left: 0, top: 0, right: width, bottom: height };
    if (!map) return [graph];
    return [graph, { id: 'minimap', left: map.x, top: map.y, right: map.x + map.w, bottom: map.y + map.h }];
  }

  /** Brings the part of the graph under a point of the minimap to the middle. */
  centreOnMinimap(x: number, y: number): void {
    const frame = this.#prepare();
    const map = frame && minimapRect(frame);
    if (!map) return;
    const world = minimapWorld(frame, map, x, y);
    const { width, height } = this.#viewport;
    const { kx, ky } = this.#view;
    this.setView(new GraphView(kx, ky, width / 2 - world.x * kx, height / 2 - world.y * ky));
  }

  /** The task next to the selected one in a direction, -1 where there is none. */
  step(dx: number, dy: number): number {
    const frame = this.#prepare();
    return frame ? nextTask(frame, dx, dy) : -1;
  }

  /** Where a task is on the screen, to place something next to it. */
  placeOf(node: number) {
    const frame = this.#prepare();
    return frame && markRect(frame, node);
  }

  /** What is shown, as one canvas to save. */
  flatten(): HTMLCanvasElement {
    const { ground, marks, overlay } = this.#canvases;
    return flatten(this.#hasOverlay ? [ground, marks, overlay] : [ground, marks]);
  }

  /** What is shown, as an SVG document. */
  svg(title: string): string {
    const svg = new SvgContext();
    const prepared = this.#prepare();
    if (!prepared) return svg.document(1, 1, title);
    const frame = { ...prepared, hatches: svg.hatches };
    this.#painter.paintGround(svg.context, frame, edgeLook(frame));
    this.#painter.paintMarks(svg.context, frame);
    this.#painter.paintOverlay(svg.context, frame);
    return svg.document(this.#viewport.width, this.#viewport.height, title);
  }

  dispose(): void {
    for (const layer of Object.values(this.#layers)) this.#loop.remove(layer);
  }

  #invalidate(names: readonly (keyof GraphCanvases)[]): void {
    const { width, height } = this.#viewport;
    if (!this.#input || !this.#brushes || !this.#layout || width === 0 || height === 0) return;
    for (const name of names) this.#loop.invalidate(this.#layers[name]);
  }

  #reshape(): void {
    this.#frame = null;
    this.#groundKey = '';
    this.#shape = null;
    this.#invalidate(['ground', 'marks', 'overlay']);
  }

  /** Made when it is needed, and not for each of the sizes that a page goes through while it is built. */
  #shaped(): Shape | null {
    const { width, height } = this.#viewport;
    if (this.#shape || !this.#layout || !this.#input || width === 0 || height === 0) return this.#shape;
    const { index, table } = this.#input;
    const weights = this.#weights(this.#input, this.#layout.scopes[0]?.column.length ?? 0);
    const geometry = graphGeometry(index.graph, this.#layout, this.#viewport, weights);
    const { ended: isWeighed } = table;
    this.#shape = { isWeighed, geometry, collapser: new Collapser(geometry), ends: new EdgeEnds(geometry) };
    this.#view = keepInSight(this.#view, geometry);
    return this.#shape;
  }

  #prepare(): GraphFrame | null {
    if (this.#frame) return this.#frame;
    const input = this.#input;
    const shape = this.#shaped();
    const brushes = this.#brushes;
    if (!input || !shape || !brushes) return null;
    this.#states.update(input.index, input.table, input.atNs);
    const elements = shape.geometry.rects.length;
    const collapse = shape.collapser.at(this.#view, this.#weights(input, elements));
    this.#tallies.update(input.index, this.#states, shape.geometry, collapse);
    this.#times.update(this.#tallies.elementOf(input.index), this.#states, input.table, elements);
    if (this.#path.of !== input.path) this.#path = { of: input.path, set: new Set(input.path ?? []) };
    this.#frame = {
      ...input,
      ...brushes,
      geometry: shape.geometry,
      ends: shape.ends,
      view: this.#view,
      collapse,
      states: this.#states,
      onPath: this.#path.set,
      elements: this.#tallies.elements,
      groups: this.#tallies.groups,
      columns: this.#tallies.columns,
      times: this.#times,
      // Spreading an object does not copy the methods of its class.
      median: (fn) => input.median(fn),
      slack: (node) => input.slack?.(node) ?? NaN,
    };
    return this.#frame;
  }

  /** Time by element, once it is known for good: boxes must not change their size while a run is live. */
  #weights(input: GraphInput, elements: number): Float64Array | null {
    if (!input.table.ended) return null;
    const { version } = input.table;
    if (this.#whole.version !== version || this.#whole.index !== input.index)
      this.#whole = {
        version,
        index: input.index,
        sums: wholeSums(this.#tallies.elementOf(input.index), input.table, elements),
      };
    return this.#whole.sums;
  }

  /** A new size clears a canvas, so it is given right before painting: nothing flashes. */
  #fit(name: keyof GraphCanvases): CanvasRenderingContext2D | null {
    const canvas = this.#canvases[name];
    const { width, height } = this.#viewport;
    if (fitCanvas(canvas, width, height, this.#ratio) && name === 'ground') this.#groundKey = '';
    return canvas.getContext('2d');
  }

  #paintGround(): void {
    const frame = this.#prepare();
    const ctx = this.#fit('ground');
    if (!frame || !ctx) return;
    const look = edgeLook(frame);
    if (look.key === this.#groundKey) return;
    this.#groundKey = look.key;
    this.#painter.paintGround(ctx, frame, look);
  }

  #paintMarks(): void {
    const frame = this.#prepare();
    const ctx = this.#fit('marks');
    if (frame && ctx) this.#painter.paintMarks(ctx, frame);
  }

  /** A canvas costs its pixels, so the overlay gets none before there is something on it. */
  #paintOverlay(): void {
    const frame = this.#prepare();
    if (!frame || !(this.#hasOverlay ||= this.#painter.hasOverlay(frame))) return;
    const ctx = this.#fit('overlay');
    if (ctx) this.#painter.paintOverlay(ctx, frame);
  }
}

/** Two inputs that differ in nothing that the marks or the ground read. */
function hasSameMarks(a: GraphInput, b: GraphInput): boolean {
  return (
    a.table === b.table &&
    a.atNs === b.atNs &&
    a.live === b.live &&
    a.selected === b.selected &&
    a.colours === b.colours &&
    a.path === b.path &&
    a.median === b.median &&
    a.slack === b.slack
  );
}

function mostInstances(index: GraphIndex): number {
  let most = 1;
  for (const block of index.blocks) if (block.expansion >= 0) most = Math.max(most, block.instances);
  return most;
}
