// What the live client needs from the browser, so that tests can stand in for it.

/** What a connection reports; nothing before the call that opened it has returned. */
export interface ConnectionEvents {
  /** A control message, as JSON. */
  text(json: string): void;
  /** A frame. */
  bytes(frame: Uint8Array): void;
  /** It is over, for whatever reason; nothing follows. */
  closed(reason: string): void;
}

/** An open or opening connection. */
export interface Connection {
  /** Says something to the service; a stream of events is silent. */
  send(json: string): void;
  /** Closes it; `closed` is not called any more. */
  close(): void;
}

export type Connect = (url: string, events: ConnectionEvents) => Connection;

/** Monotonic time and timers. */
export interface Clock {
  nowMs(): number;
  /** Calls back once after a time; the function it returns prevents that. */
  after(ms: number, call: () => void): () => void;
}

/** Where the client finds the world. */
export interface LiveDeps {
  /** Absolute URL of the API, without a slash at the end: http://127.0.0.1:8080/x/api/v1. */
  readonly url: string;
  readonly socket: Connect;
  /** Server-sent events, for where sockets are blocked. */
  readonly events: Connect;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
}
