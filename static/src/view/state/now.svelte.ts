// The time of day for ages, on the service's clock: one timer for the page, none while no age is shown or the page is hidden.

import { createSubscriber } from 'svelte/reactivity';

/** A clock that ticks once a second while something on the screen reads it. */
export class Now {
  #read: () => number;
  #subscribe: () => void;

  constructor(read: () => number, host: Window) {
    this.#read = read;
    this.#subscribe = createSubscriber((update) => {
      const timer = host.setInterval(() => {
        if (!host.document.hidden) update();
      }, 1000);
      return () => {
        host.clearInterval(timer);
      };
    });
  }

  /** Milliseconds since 1970; reading it in a component keeps that component up to date. */
  get ms(): number {
    this.#subscribe();
    return this.#read();
  }
}
