// What part of the graph is shown, in the address.

import { GraphView } from '../../model/graph-view';
import type { RunUrl } from '../../model/url-state';
import { KeptPlace } from './kept-place';
import type { PageClock } from './playback.svelte';
import type { Kind } from './run-choices';

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

const keys: readonly (keyof Place)[] = ['kx', 'ky', 'ox', 'oy'];

function isSame(a: Place, b: Place): boolean {
  return keys.every((key) => a[key] === b[key]);
}

function hasSize(size: Size): boolean {
  return size.width > 0 && size.height > 0;
}

/** Ties the view of a canvas to the address. */
export class GraphPlace {
  readonly #place: KeptPlace<Place>;

  constructor(keep: (graph: RunUrl['graph'], kind: Kind) => void, clock: PageClock) {
    this.#place = new KeptPlace((graph) => keep(graph, 'drag'), isSame, clock);
  }

  /** The canvas may have moved. */
  moved(canvas: PlacedCanvas | undefined, size: Size): void {
    const view = canvas?.view() ?? null;
    if (view !== null && hasSize(size)) this.#place.moved(placeOf(view, size));
  }

  /** The address says what to show. */
  follow(place: RunUrl['graph'], canvas: PlacedCanvas | undefined, size: Size): void {
    if (canvas && hasSize(size)) this.#place.follow(place, canvas, () => canvas.setView(viewOf(place, size)));
  }

  stop(): void {
    this.#place.stop();
  }
}
