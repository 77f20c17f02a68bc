// What a page follows, and how far it has got with it.

import type { Problem } from '../api/problem';
import type { RunSummary } from '../api/schema';
import type { Frame } from '../model/frame';
import type { LinkState } from './link-state';
import type { ClientMessage } from './message';

/** Who follows one run. */
export interface RunHandlers {
  /** A frame, in order; false asks for a snapshot: it does not follow on what is known. */
  frame(frame: Frame): boolean;
  /** The run's summary, whenever it has changed. */
  summary?(run: RunSummary): void;
  /** The link, whenever its kind has changed. */
  status?(state: LinkState): void;
  /** The run cannot be followed. */
  error?(problem: Problem): void;
  /** The position was lost; what was shown is replaced by a fresh snapshot. */
  restarted?(): void;
}

export type RunsHandler = (runs: readonly RunSummary[]) => void;

export interface RunSubscription {
  readonly topic: 'run';
  channel: number;
  readonly run: string;
  readonly handlers: RunHandlers;
  /** Everything up to here has been applied, of this incarnation of the run. */
  seq: number;
  incarnation: string;
  /** A snapshot was requested: whatever comes before it is stale. */
  awaitsSnapshot: boolean;
  /** Within a batch of frames; seq does not move meanwhile. */
  isWithinBatch: boolean;
}

export interface RunsSubscription {
  readonly topic: 'runs';
  channel: number;
  readonly handler: RunsHandler;
}

export type Subscription = RunSubscription | RunsSubscription;

/** What to say to begin, or to continue where a subscription stands. */
export function subscribeMessage(subscription: Subscription): ClientMessage {
  const { channel, topic } = subscription;
  if (topic === 'runs') return { type: 'subscribe', channel, topic };
  const { run, seq: after, incarnation } = subscription;
  return { type: 'subscribe', channel, topic, run, after, incarnation };
}

/** Forgets the position: the next frame must be a snapshot. */
export function forget(subscription: RunSubscription): void {
  subscription.seq = 0;
  subscription.incarnation = '';
  subscription.awaitsSnapshot = true;
  subscription.isWithinBatch = false;
}
