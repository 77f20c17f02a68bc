// The page's one connection to the live stream.

import { Problem } from '../api/problem';
import { decodeFrame, type Frame, FrameError } from '../model/frame';
import { backoffMs, quickMs } from './backoff';
import { EventsLink, HEARTBEAT_MS, type Link, SocketLink } from './link';
import type { LinkCounts, LinkState, Transport } from './link-state';
import type { ServerMessage } from './message';
import { forget, type RunHandlers, type RunsHandler, type RunSubscription, type Subscription } from './subscription';
import type { LiveDeps } from './transport';

const VERSION = 1;
/** Sockets that fail before hello, until the client tries a stream of events: something in between may block them. */
const SOCKET_TRIES = 3;
/** Bad frames in a row after which the link is given up: asking again and again would only repeat them. */
const BAD_FRAMES = 3;
/** A page that is left is often followed by another one: the link waits for its subscriptions. */
const LINGER_MS = 1_000;
/** A run that cannot be read for now is asked for again after this. */
const AGAIN_MS = 2_000;

/**
 * Follows runs and the list of runs over one socket, whatever the number of subscriptions, and keeps at it: a lost link
 * is made again with growing pauses, and every subscription continues where it stood, without a gap or a repetition. Link
 * and decoding errors never reach a subscriber as exceptions. Nothing is connected while nothing is subscribed.
 */
export class LiveClient {
  readonly #deps: LiveDeps;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #listeners = new Set<(state: LinkState) => void>();
  readonly #counts = { connects: 0, resyncs: 0, badFrames: 0, deadLinks: 0 };
  #state: LinkState;
  #storeSilentSince: string | null = null;
  #lastMs = NaN;
  /** The current link; callbacks of any other are stale. */
  #link: Link | undefined;
  #cancelTimer: () => void = () => undefined;
  #attempt = 0;
  #failuresBeforeHello = 0;
  #badInARow = 0;
  #nextChannel = 1;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
    this.#state = { kind: 'idle', sinceMs: deps.clock.nowMs() };
  }

  get state(): LinkState {
    return this.#state.kind === 'open' ? { ...this.#state, lastMs: this.#lastMs } : this.#state;
  }

  /** Since when the service's store has not answered, as RFC 3339; null while it does, and where that is not reported. */
  get storeSilentSince(): string | null {
    return this.#storeSilentSince;
  }

  get counts(): LinkCounts {
    return { ...this.#counts };
  }

  /** Calls back whenever the kind of the state or what is known of the store changes; the function it returns ends that. */
  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Follows a run; the function it returns ends that. */
  subscribeRun(run: string, handlers: RunHandlers): () => void {
    return this.#add({
      topic: 'run',
      channel: this.#nextChannel++,
      run,
      handlers,
      seq: 0,
      incarnation: '',
      awaitsSnapshot: true,
      isWithinBatch: false,
    });
  }

  /** Follows the list of runs: those that changed, at most every half second. */
  subscribeRuns(handler: RunsHandler): () => void {
    return this.#add({ topic: 'runs', channel: this.#nextChannel++, handler });
  }

  /** Ends the link for good. */
  close(): void {
    this.#subscriptions.clear();
    this.#drop();
    this.#change({ kind: 'closed', sinceMs: this.#deps.clock.nowMs() });
  }

  #add(subscription: Subscription): () => void {
    if (this.#state.kind === 'closed') return () => undefined;
    this.#subscriptions.set(subscription.channel, subscription);
    if (this.#state.kind === 'idle') this.#connect();
    else if (this.#link?.isGreeted === true) this.#link.follow(subscription);
    return () => {
      this.#remove(subscription);
    };
  }

  #remove(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription.channel)) return;
    this.#link?.leave(subscription);
    if (this.#subscriptions.size > 0) return;
    this.#deps.clock.after(LINGER_MS, () => {
      if (this.#subscriptions.size > 0 || this.#state.kind === 'closed') return;
      this.#drop();
      this.#change({ kind: 'idle', sinceMs: this.#deps.clock.nowMs() });
    });
  }

  #connect(): void {
    const nowMs = this.#deps.clock.nowMs();
    // After so many failures every other try is a stream of events: the service may also just have been away.
    const n = this.#failuresBeforeHello - SOCKET_TRIES;
    const transport: Transport = n >= 0 && n % 2 === 0 ? 'events' : 'socket';
    this.#counts.connects++;
    this.#change({ kind: 'connecting', sinceMs: nowMs, attempt: this.#attempt });
    const link: Link = transport === 'socket' ? new SocketLink(this.#deps) : new EventsLink(this.#deps);
    this.#link = link;
    const ifCurrent = <A extends unknown[]>(act: (...args: A) => void) => {
      return (...args: A): void => {
        if (this.#link === link) act(...args);
      };
    };
    link.open([...this.#subscriptions.values()], {
      message: ifCurrent((message: ServerMessage, of?: RunSubscription) => this.#hear(link, message, of)),
      frame: ifCurrent((bytes: Uint8Array, of?: RunSubscription) => this.#take(link, bytes, of)),
      closed: ifCurrent((reason: string) => this.#lose(reason)),
    });
    this.#watch(HEARTBEAT_MS);
  }

  /** A link without a message for two heartbeats is dead. */
  #watch(heartbeatMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#deps.clock.after(2 * heartbeatMs, () => {
      this.#counts.deadLinks++;
      this.#lose('nothing heard for two heartbeats');
    });
  }

  #heard(link: Link): void {
    this.#lastMs = this.#deps.clock.nowMs();
    this.#watch(link.heartbeatMs);
  }

  #hear(link: Link, message: ServerMessage, of?: RunSubscription): void {
    this.#heard(link);
    switch (message.type) {
      case 'hello':
        this.#greet(link, message.version, message.heartbeat_ns / 1e6);
        return;
      case 'closing':
        this.#lose(message.reason, true);
        return;
      case 'store':
        this.#hearStore(message.silent_since);
        return;
      case 'heartbeat':
        for (const [channel, sent] of Object.entries(message.seq ?? {})) {
          this.#compare(link, of ?? this.#subscriptions.get(Number(channel)), sent);
        }
        return;
      case 'subscribed':
      case 'run':
      case 'runs':
      case 'error': {
        const subscription = of ?? this.#subscriptions.get(message.channel);
        if (subscription !== undefined) this.#deliver(link, subscription, message);
        return;
      }
    }
  }

  #greet(link: Link, version: number, heartbeatMs: number): void {
    if (version !== VERSION) {
      this.#lose(`the service speaks version ${version} of the live stream, expected ${VERSION}`);
      return;
    }
    if (heartbeatMs > 0) link.heartbeatMs = heartbeatMs;
    this.#watch(link.heartbeatMs);
    this.#failuresBeforeHello = 0;
    link.isGreeted = true;
    this.#opened(link);
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.topic === 'run') subscription.isWithinBatch = false;
      link.follow(subscription);
    }
  }

  #hearStore(silentSince: string | null): void {
    if (silentSince === this.#storeSilentSince) return;
    this.#storeSilentSince = silentSince;
    for (const listener of this.#listeners) listener(this.state);
  }

  #opened(link: Link): void {
    if (this.#state.kind === 'open') return;
    const nowMs = this.#deps.clock.nowMs();
    this.#change({ kind: 'open', sinceMs: nowMs, lastMs: nowMs, transport: link.transport });
  }

  #deliver(
    link: Link,
    to: Subscription,
    message: Extract<ServerMessage, { type: 'subscribed' | 'run' | 'runs' | 'error' }>,
  ): void {
    if (to.topic === 'runs') {
      this.#attempt = 0;
      if (message.type === 'runs') to.handler(message.runs);
      return;
    }
    switch (message.type) {
      case 'subscribed':
        this.#subscribed(to, message.incarnation ?? '');
        if (message.run !== undefined) to.handlers.summary?.(message.run);
        return;
      case 'run':
        to.handlers.summary?.(message.run);
        return;
      case 'error':
        this.#refused(link, to, Problem.from(message.problem, 0));
        return;
      case 'runs':
        return;
    }
  }

  #subscribed(to: RunSubscription, incarnation: string): void {
    const isLost = to.incarnation !== '' && to.incarnation !== incarnation;
    if (isLost) forget(to);
    to.incarnation = incarnation;
    if (isLost) to.handlers.restarted?.();
  }

  #refused(link: Link, to: RunSubscription, problem: Problem): void {
    if (problem.status !== GONE) {
      to.handlers.error?.(problem);
      if (problem.status === UNAVAILABLE) this.#followAgain(link, to);
      return;
    }
    // Another revision of the run has begun: it is followed under another channel, so that nothing is mixed up.
    link.leave(to);
    this.#subscriptions.delete(to.channel);
    to.channel = this.#nextChannel++;
    this.#subscriptions.set(to.channel, to);
    forget(to);
    to.handlers.restarted?.();
    link.follow(to);
  }

  #followAgain(link: Link, to: RunSubscription): void {
    this.#deps.clock.after(AGAIN_MS, () => {
      const isCurrent = this.#link === link && this.#subscriptions.get(to.channel) === to;
      if (isCurrent) link.follow(to);
    });
  }

  #take(link: Link, bytes: Uint8Array, of?: RunSubscription): void {
    this.#heard(link);
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#damaged(link, of);
      return;
    }
    const to = of ?? this.#subscriptions.get(frame.channel);
    if (to?.topic !== 'run' || (to.awaitsSnapshot && frame.kind !== 'snapshot')) return;
    if (!to.handlers.frame(frame)) {
      this.#resync(link, to);
      return;
    }
    to.awaitsSnapshot = false;
    to.seq = frame.to;
    to.isWithinBatch = frame.more;
    this.#badInARow = 0;
    this.#attempt = 0;
  }

  #damaged(link: Link, of?: RunSubscription): void {
    this.#counts.badFrames++;
    if (++this.#badInARow >= BAD_FRAMES) {
      this.#badInARow = 0;
      for (const one of this.#subscriptions.values()) if (one.topic === 'run') forget(one);
      this.#lose('frames that cannot be read');
      return;
    }
    // Only the frame could have said whose it was.
    const all = of === undefined ? [...this.#subscriptions.values()] : [of];
    for (const one of all) if (one.topic === 'run') this.#resync(link, one);
  }

  #resync(link: Link, to: RunSubscription): void {
    this.#counts.resyncs++;
    to.seq = 0;
    to.awaitsSnapshot = true;
    to.isWithinBatch = false;
    link.resync(to);
  }

  /** A heartbeat says how far each channel has got: what was sent in order and yet is missing is a gap. */
  #compare(link: Link, to: Subscription | undefined, sent: number): void {
    if (to?.topic !== 'run' || to.awaitsSnapshot || to.isWithinBatch) return;
    if (to.seq < sent) this.#resync(link, to);
  }

  #lose(reason: string, isOrderly = false): void {
    const wasGreeted = this.#link?.isGreeted === true;
    this.#drop();
    if (!wasGreeted) this.#failuresBeforeHello++;
    const { clock, random } = this.#deps;
    const waitMs = isOrderly ? quickMs(random()) : backoffMs(this.#attempt, random());
    const sinceMs = clock.nowMs();
    const attempt = ++this.#attempt;
    this.#change({ kind: 'waiting', sinceMs, lastMs: this.#lastMs, retryMs: sinceMs + waitMs, attempt, reason });
    this.#cancelTimer = clock.after(waitMs, () => {
      this.#connect();
    });
  }

  #drop(): void {
    this.#cancelTimer();
    const link = this.#link;
    this.#link = undefined;
    link?.close();
    this.#storeSilentSince = null; // the next link reports it again
  }

  #change(state: LinkState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
    for (const one of this.#subscriptions.values()) if (one.topic === 'run') one.handlers.status?.(state);
  }
}

/** HTTP status of a run that was replaced under its id. */
const GONE = 410;
/** HTTP status of a run that cannot be read for now. */
const UNAVAILABLE = 503;
