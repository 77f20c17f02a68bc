// The state of the connection by which a page follows its runs: what the badge draws.

/** How frames come. */
export type Transport = 'socket' | 'events';

/** State of the link; all times in ms of the client's clock, which only ever ascends. */
export type LinkState =
  /** Nothing is subscribed, so nothing is connected. */
  | { readonly kind: 'idle'; readonly sinceMs: number }
  | { readonly kind: 'connecting'; readonly sinceMs: number; readonly attempt: number }
  /** lastMs: when something was last heard, a heartbeat included. */
  | { readonly kind: 'open'; readonly sinceMs: number; readonly lastMs: number; readonly transport: Transport }
  /** Cut off; tries again at retryMs. lastMs is when something was last heard, NaN for never. */
  | {
      readonly kind: 'waiting';
      readonly sinceMs: number;
      readonly lastMs: number;
      readonly retryMs: number;
      readonly attempt: number;
      readonly reason: string;
    }
  | { readonly kind: 'closed'; readonly sinceMs: number };

/** What the link has been through, for the dashboard's own health. */
export interface LinkCounts {
  readonly connects: number;
  readonly resyncs: number;
  readonly badFrames: number;
  readonly deadLinks: number;
}
