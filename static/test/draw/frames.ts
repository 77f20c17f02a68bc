// Frames, stages and brushes for tests of painting.

import { FrameLoop, type FrameHost } from '../../src/draw/frame-loop';
import type { Brushes, GraphInput } from '../../src/draw/graph-frame';
import { GraphStage } from '../../src/draw/graph-stage';
import { Hatches } from '../../src/draw/hatches';
import type { LanesInput } from '../../src/draw/lanes-frame';
import { type LanesNeeds, LanesStage } from '../../src/draw/lanes-stage';
import type { NodeColours } from '../../src/draw/node-colours';
import { readPalette } from '../../src/draw/palette';
import { TextMeasurer } from '../../src/draw/text-measurer';
import { fakeCanvas, type RecordingContext } from './recording-context';
import type { SyntheticRun } from './synthetic-run';

/** Each token is its own name, so that a test can say which role was painted with. */
export function testPalette() {
  return readPalette({ getPropertyValue: (name) => (name === '--future' ? 'rgba(0, 0, 0, 0.3)' : name.slice(2)) });
}

export function testBrushes(): Brushes {
  return {
    palette: testPalette(),
    measurer: new TextMeasurer((_, text) => text.length * 6),
    hatches: new Hatches(1, () => null),
  };
}

/** Frames that come when a test asks for them. */
export class ManualFrames implements FrameHost {
  #next: ((nowMs: number) => void) | null = null;
  nowMs = 0;

  request(callback: (nowMs: number) => void): number {
    this.#next = callback;
    return 1;
  }
  cancel(): void {
    this.#next = null;
  }
  now(): number {
    return this.nowMs;
  }
  get isWaiting(): boolean {
    return this.#next !== null;
  }
  run(elapsedMs = 16): void {
    this.nowMs += elapsedMs;
    const next = this.#next;
    this.#next = null;
    next?.(this.nowMs);
  }
}

export const byState: NodeColours = { mode: 'state', functions: [0, 5, 10, 3], workers: [0, 5], step: () => 0 };

interface Canvases {
  readonly ground: RecordingContext;
  readonly marks: RecordingContext;
  readonly overlay: RecordingContext;
}

function canvases() {
  const [ground, marks, overlay] = [fakeCanvas(), fakeCanvas(), fakeCanvas()];
  return {
    elements: { ground: ground.canvas, marks: marks.canvas, overlay: overlay.canvas },
    contexts: { ground: ground.ctx, marks: marks.ctx, overlay: overlay.ctx } satisfies Canvases,
  };
}

export function graphInput(run: SyntheticRun, more: Partial<GraphInput> = {}): GraphInput {
  return {
    index: run.index,
    table: run.table,
    atNs: run.endNs / 2,
    live: false,
    selected: -1,
    hovered: -1,
    focused: false,
    colours: byState,
    path: null,
    median: noMedian,
    ...more,
  };
}

function noMedian(): number {
  return NaN;
}

/** A graph on canvases that record, painted once. */
export function stagedGraph(run: SyntheticRun, more: Partial<GraphInput> = {}, size = { width: 1500, height: 500 }) {
  const frames = new ManualFrames();
  const loop = new FrameLoop(frames);
  const { elements, contexts } = canvases();
  const stage = new GraphStage(loop, elements);
  stage.setBrushes(testBrushes());
  stage.resize({ ...size, narrow: false }, 1);
  const show = (next: Partial<GraphInput>): void => stage.show(graphInput(run, { ...more, ...next }), run.layout);
  show({});
  frames.run();
  return { stage, loop, frames, contexts, show };
}

export function lanesInput(run: SyntheticRun, more: Partial<LanesInput> = {}): LanesInput {
  return {
    index: run.index,
    table: run.table,
    atNs: run.endNs / 2,
    endNs: run.endNs,
    live: false,
    selected: -1,
    hovered: -1,
    colours: byState,
    path: null,
    expected: null,
    workers: WORKERS,
    slots: NONE,
    processors: NONE,
    axis: { epochMs: 0, mode: 'relative' },
    hasFolds: false,
    ...more,
  };
}

const NONE: ReadonlyMap<number, number> = new Map();
const WORKERS = [{ name: 'w1', process: 'node-a' }, { name: 'w2' }];

export function stagedLanes(run: SyntheticRun, more: Partial<LanesInput> = {}, width = 1300) {
  const frames = new ManualFrames();
  const loop = new FrameLoop(frames);
  const { elements, contexts } = canvases();
  let needs: LanesNeeds = { height: 0, namesPx: 0 };
  const stage = new LanesStage(loop, elements, (next) => (needs = next));
  stage.setBrushes(testBrushes());
  stage.resize({ width, windowWidth: 1920, windowHeight: 1080 }, 1);
  const show = (next: Partial<LanesInput>): void => stage.show(lanesInput(run, { ...more, ...next }));
  show({});
  frames.run();
  return { stage, loop, frames, contexts, show, height: () => needs.height, needs: () => needs };
}
