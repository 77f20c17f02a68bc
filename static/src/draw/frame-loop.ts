// One animation frame for everything that a page paints: see FrameLoop.

/** Something that can be painted again; order says which of two dirty ones goes first. */
export interface Layer {
  readonly name: string;
  readonly order: number;
  paint(): void;
}

/** What a frame cost, for the benchmark and for people. */
export interface FrameCost {
  frames: number;
  lastMs: number;
  worstMs: number;
  /** Number of times each layer was painted. */
  readonly painted: Map<string, number>;
}

/** The two things of the browser that a loop needs; tests give their own. */
export interface FrameHost {
  request(callback: (nowMs: number) => void): number;
  cancel(handle: number): void;
  /** A clock in ms, for the cost of frames. */
  now(): number;
}

export type Tick = (elapsedNs: number) => boolean;

const NS_PER_MS = 1e6;

/** A tab that slept must not leap: the longest time that one frame of playback may cover. */
const LONGEST_TICK_MS = 250;

const browserHost: FrameHost = {
  request: (callback) => requestAnimationFrame(callback),
  cancel: (handle) => cancelAnimationFrame(handle),
  now: () => performance.now(),
};

/**
 * The frame loop of a page. Layers may be invalidated at any time and are painted at most once a frame, in
 * their order; playback ticks run before them. While nothing is dirty and nothing plays no frame is asked for.
 * A layer that throws is reported once and does not keep the others from being painted.
 */
export class FrameLoop {
  readonly cost: FrameCost = { frames: 0, lastMs: 0, worstMs: 0, painted: new Map() };
  readonly #host: FrameHost;
  readonly #dirty = new Set<Layer>();
  readonly #ticks = new Set<Tick>();
  readonly #beforePaint = new Set<() => void>();
  readonly #afterFrame = new Set<() => void>();
  #pending: number | null = null;
  #lastMs = NaN;

  constructor(host: FrameHost = browserHost) {
    this.#host = host;
  }

  /** Nothing is waiting to be painted and nothing plays. */
  get idle(): boolean {
    return this.#pending === null;
  }

  /** Asks for the layer to be painted with the next frame. */
  invalidate(layer: Layer): void {
    this.#dirty.add(layer);
    this.#ask();
  }

  /** Forgets a layer that is going away. */
  remove(layer: Layer): void {
    this.#dirty.delete(layer);
  }

  /** Calls tick with the time since the last frame, each frame, until it answers false or the function returned is called. */
  play(tick: Tick): () => void {
    if (this.#ticks.size === 0) this.#lastMs = NaN;
    this.#ticks.add(tick);
    this.#ask();
    return () => this.#ticks.delete(tick);
  }

  /**
   * Calls back in every frame before its layers are painted, until the function returned is called. What it invalidates is
   * painted with the same frame. It asks for no frame.
   */
  beforePaint(callback: () => void): () => void {
    this.#beforePaint.add(callback);
    return () => this.#beforePaint.delete(callback);
  }

  /** Calls back once, when the next frame has been painted, until the function returned is called. It asks for no frame. */
  afterFrame(callback: () => void): () => void {
    this.#afterFrame.add(callback);
    return () => this.#afterFrame.delete(callback);
  }

  /** Paints what is dirty at once: for paper, for which no frames come. */
  flush(): void {
    if (this.#pending === null) return;
    this.#host.cancel(this.#pending);
    this.#frame(this.#host.now());
  }

  /** Stops for good; layers invalidated later are not painted. */
  dispose(): void {
    if (this.#pending !== null) this.#host.cancel(this.#pending);
    this.#pending = null;
    this.#dirty.clear();
    this.#ticks.clear();
    this.#beforePaint.clear();
    this.#afterFrame.clear();
  }

  #ask(): void {
    this.#pending ??= this.#host.request((nowMs) => this.#frame(nowMs));
  }

  #frame(nowMs: number): void {
    const started = this.#host.now();
    this.#play(nowMs);
    for (const callback of this.#beforePaint) callback();
    const layers = [...this.#dirty].sort((a, b) => a.order - b.order);
    this.#dirty.clear();
    this.#pending = null;
    for (const layer of layers) this.#paint(layer);
    this.cost.frames++;
    this.cost.lastMs = this.#host.now() - started;
    this.cost.worstMs = Math.max(this.cost.worstMs, this.cost.lastMs);
    if (this.#ticks.size > 0) this.#ask();
    const painted = [...this.#afterFrame];
    this.#afterFrame.clear();
    for (const callback of painted) callback();
  }

  #play(nowMs: number): void {
    const elapsedMs = Number.isNaN(this.#lastMs) ? 0 : Math.min(LONGEST_TICK_MS, Math.max(0, nowMs - this.#lastMs));
    this.#lastMs = nowMs;
    for (const tick of [...this.#ticks]) {
      if (!tick(elapsedMs * NS_PER_MS)) this.#ticks.delete(tick);
    }
  }

  #paint(layer: Layer): void {
    this.cost.painted.set(layer.name, (this.cost.painted.get(layer.name) ?? 0) + 1);
    try {
      layer.paint();
    } catch (error) {
      reportError(error);
    }
  }
}
