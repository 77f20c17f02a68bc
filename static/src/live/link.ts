// One connection to the service, over a socket or over streams of events.

import type { Transport } from './link-state';
import { type ClientMessage, parseMessage, type ServerMessage } from './message';
import { type RunSubscription, subscribeMessage, type Subscription } from './subscription';
import type { Connection, ConnectionEvents, LiveDeps } from './transport';

/** The interval of heartbeats until the service has sent its own. */
export const HEARTBEAT_MS = 10_000;

/** What a link reports. Where it is known without asking, it says whose message or frame it is. */
export interface LinkEvents {
  message(message: ServerMessage, of?: RunSubscription): void;
  frame(bytes: Uint8Array, of?: RunSubscription): void;
  closed(reason: string): void;
}

export interface Link {
  readonly transport: Transport;
  heartbeatMs: number;
  /** The service has said hello: subscriptions are heard. */
  isGreeted: boolean;
  open(subscriptions: readonly Subscription[], events: LinkEvents): void;
  follow(subscription: Subscription): void;
  leave(subscription: Subscription): void;
  /** Asks for a snapshot. */
  resync(subscription: RunSubscription): void;
  close(): void;
}

/** All subscriptions over one socket, distinguished by channel. Owned by the live client, which makes one for each try. */
export class SocketLink implements Link {
  readonly transport = 'socket';
  heartbeatMs = HEARTBEAT_MS;
  isGreeted = false;
  readonly #deps: LiveDeps;
  #connection: Connection | undefined;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  open(_: readonly Subscription[], events: LinkEvents): void {
    this.#connection = this.#deps.socket(`${this.#deps.url}/live`, {
      text: (json) => {
        const message = parseMessage(json);
        if (message !== undefined) events.message(message);
      },
      bytes: (bytes) => {
        events.frame(bytes);
      },
      closed: (reason) => {
        events.closed(reason);
      },
    });
  }

  follow(subscription: Subscription): void {
    this.#say(subscribeMessage(subscription));
  }

  leave({ channel }: Subscription): void {
    this.#say({ type: 'unsubscribe', channel });
  }

  resync({ channel }: RunSubscription): void {
    this.#say({ type: 'resync', channel });
  }

  close(): void {
    this.#connection?.close();
  }

  #say(message: ClientMessage): void {
    if (this.isGreeted) this.#connection?.send(JSON.stringify(message));
  }
}

/**
 * A stream of events for each run that is followed. The list of runs has none: it is up to the page to ask for it again.
 */
export class EventsLink implements Link {
  readonly transport = 'events';
  heartbeatMs = HEARTBEAT_MS;
  isGreeted = false;
  readonly #deps: LiveDeps;
  readonly #streams = new Map<RunSubscription, Connection>();
  #events: LinkEvents | undefined;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  open(subscriptions: readonly Subscription[], events: LinkEvents): void {
    this.#events = events;
    for (const subscription of subscriptions) this.follow(subscription);
  }

  follow(subscription: Subscription): void {
    if (subscription.topic !== 'run' || this.#streams.has(subscription)) return;
    const url = `${this.#deps.url}/runs/${encodeURIComponent(subscription.run)}/events`;
    this.#streams.set(subscription, this.#deps.events(url, this.#eventsOf(subscription)));
  }

  leave(subscription: Subscription): void {
    if (subscription.topic !== 'run') return;
    this.#streams.get(subscription)?.close();
    this.#streams.delete(subscription);
  }

  /** A stream only receives: to resync, a new one is opened, which begins with a snapshot. */
  resync(subscription: RunSubscription): void {
    this.leave(subscription);
    this.follow(subscription);
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  #eventsOf(subscription: RunSubscription): ConnectionEvents {
    return {
      text: (json) => {
        const message = parseMessage(json);
        if (message !== undefined) this.#events?.message(message, subscription);
      },
      bytes: (bytes) => {
        this.#events?.frame(bytes, subscription);
      },
      closed: (reason) => {
        this.#events?.closed(reason);
      },
    };
  }
}
