// What part of the graph is shown, in the address: kept there when it rests, followed when the address changes.

import { GraphView } from '../../model/graph-view';
import type { RunUrl } from '../../model/url-state';
import type { Kind } from './run-choices';
import type { PageClock } from './playback.svelte';

/** The canvas, as much of it as a place needs. */
export interface PlacedCanvas {
  view(): GraphView | null;
  setView(view: GraphView): void;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

type Place = NonNullable<RunUrl['graph']>;

/** A gesture is over when nothing has moved for this long. */
const REST_MS = 250;
const PLACES = 1e4;

function rounded(value: number): number {
  return Math.round(value * PLACES) / PLACES;
}

/** A view as it stands in a link: offsets in shares of the area, so that it holds on another screen. */
export function placeOf(view: GraphView, size: Size): RunUrl['graph'] {
  const place = {
    kx: rounded(view.kx),
    ky: rounded(view.ky),
    ox: rounded(view.ox / size.width),
    oy: rounded(view.oy / size.height),
  };
  return place.kx === 1 && place.ky === 1 && place.ox === 0 && place.oy === 0 ? null : place;
}

/** The view of a place; null is all of the graph. */
export function viewOf(place: RunUrl['graph'], size: Size): GraphView {
  if (place === null) return new GraphView(1, 1, 0, 0);
  return new GraphView(place.kx, place.ky, place.ox * size.width, place.oy * size.height);
}

function same(a: RunUrl['graph'], b: RunUrl['graph']): boolean {
  const keys: readonly (keyof Place)[] = ['kx', 'ky', 'ox', 'oy'];
  return a === b || (a !== null && b !== null && keys.every((key) => a[key] === b[key]));
}

/** Ties the view of a canvas to the address. */
export class GraphPlace {
  readonly #clock: PageClock;
  readonly #keep: (graph: RunUrl['graph'], kind: Kind) => void;
  #seen: GraphView | null = null;
  #kept: RunUrl['graph'] = null;
  #cancel: (() => void) | undefined;

  constructor(keep: (graph: RunUrl['graph'], kind: Kind) => void, clock: PageClock) {
    this.#keep = keep;
    this.#clock = clock;
  }

  /** The canvas may have moved. */
  moved(canvas: PlacedCanvas | undefined, size: Size): void {
    const view = canvas?.view() ?? null;
    if (view === null || view === this.#seen || !(size.width > 0 && size.height > 0)) return;
    this.#seen = view;
    const place = placeOf(view, size);
    if (same(place, this.#kept)) return;
    this.#cancel?.();
    this.#cancel = this.#clock.after(REST_MS, () => {
      this.#kept = place;
      this.#keep(place, 'drag');
    });
  }

  /** The address says what to show: what this has put there itself moves nothing. */
  follow(place: RunUrl['graph'], canvas: PlacedCanvas | undefined, size: Size): void {
    if (canvas === undefined || same(place, this.#kept) || !(size.width > 0 && size.height > 0)) return;
    this.#kept = place;
    // The canvas takes its size and its layout with this turn of the event loop.
    this.#clock.after(0, () => canvas.setView(viewOf(place, size)));
  }

  stop(): void {
    this.#cancel?.();
  }
}
