// What window of time the lanes show, in the address.

import type { RunUrl } from '../../model/url-state';
import { KeptPlace } from './kept-place';
import type { PageClock } from './playback.svelte';
import type { Kind } from './run-choices';

type TimeWindow = NonNullable<RunUrl['lanes']>;

/** The canvas, as much of it as a place needs. */
export interface WindowedCanvas {
  setTimeWindow(window: TimeWindow | null): void;
}

/** Ties the window of the lanes to the address. */
export class LanesPlace {
  readonly #place: KeptPlace<TimeWindow>;

  constructor(keep: (lanes: RunUrl['lanes'], kind: Kind) => void, clock: PageClock) {
    const isSame = (a: TimeWindow, b: TimeWindow): boolean => a.fromNs === b.fromNs && a.toNs === b.toNs;
    this.#place = new KeptPlace((window) => keep(window, 'drag'), isSame, clock);
  }

  /** The reader has chosen a window. Links hold whole ns. */
  moved(window: TimeWindow | null): void {
    this.#place.moved(window && { fromNs: Math.round(window.fromNs), toNs: Math.round(window.toNs) });
  }

  /** The address says what to show. */
  follow(window: RunUrl['lanes'], canvas: WindowedCanvas | undefined): void {
    if (canvas) this.#place.follow(window, canvas, () => canvas.setTimeWindow(window));
  }

  stop(): void {
    this.#place.stop();
  }
}
