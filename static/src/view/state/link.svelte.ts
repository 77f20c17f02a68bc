// The live link as reactive state.

import { createSubscriber } from 'svelte/reactivity';

import type { LiveClient } from '../../live/live-client';
import type { LinkState } from '../../live/link-state';

/** Says how the link is; a component that reads it follows its changes. */
export class LinkFace {
  #live: Pick<LiveClient, 'state' | 'storeSilentSince' | 'onState'>;
  #subscribe: () => void;

  constructor(live: Pick<LiveClient, 'state' | 'storeSilentSince' | 'onState'>) {
    this.#live = live;
    this.#subscribe = createSubscriber((update) => live.onState(update));
  }

  get state(): LinkState {
    this.#subscribe();
    return this.#live.state;
  }

  /** Since when the service's store has not answered; null while it does. */
  get storeSilentSince(): string | null {
    this.#subscribe();
    return this.#live.storeSilentSince;
  }
}
