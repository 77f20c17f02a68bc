// Something that is loaded: what is shown stays until what replaces it has come, so that nothing flickers.

import { Problem } from '../../api/problem';

/** A request that the service cannot answer now is repeated after this, and then after twice as long each time. */
const AGAIN_MS = 2_000;
const AGAIN_MOST_MS = 30_000;

/** No answer came, or the service said that it cannot answer now: the same request may succeed later. */
export function isAway(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status === 503);
}

/** A request that is shown: its last good answer, what went wrong since, and whether one is under way. */
export class Resource<T> {
  #value: T | undefined = $state.raw(undefined);
  #error: unknown = $state.raw(undefined);
  #loading = $state(false);
  #track: <V>(work: Promise<V>) => Promise<V>;
  #abort: AbortController | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(track: <V>(work: Promise<V>) => Promise<V>) {
    this.#track = track;
  }

  get value(): T | undefined {
    return this.#value;
  }

  /** What the last request failed with; undefined once one has succeeded. */
  get error(): unknown {
    return this.#error;
  }

  get loading(): boolean {
    return this.#loading;
  }

  /**
   * Starts a request in place of the one under way, if any. Where the service is away it is repeated until it succeeds,
   * or another takes its place.
   */
  async load(request: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.stop();
    this.#failures = 0;
    await this.#ask(request);
  }

  async #ask(request: (signal: AbortSignal) => Promise<T>): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#loading = true;
    try {
      const value = await this.#track(request(abort.signal));
      if (this.#abort !== abort) return;
      this.#value = value;
      this.#error = undefined;
    } catch (error) {
      if (this.#abort !== abort) return;
      this.#error = error;
      if (isAway(error)) {
        const waitMs = Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** this.#failures++);
        this.#again = setTimeout(() => void this.#ask(request), waitMs);
      }
    } finally {
      if (this.#abort === abort) this.#loading = false;
    }
  }

  /** Changes the value in place of a request: what the live stream said. */
  update(change: (value: T) => T): void {
    if (this.#value !== undefined) this.#value = change(this.#value);
  }

  /** Forgets everything and stops what is under way. */
  clear(): void {
    this.stop();
    this.#value = undefined;
    this.#error = undefined;
  }

  /** Stops what is under way and keeps what is shown. */
  stop(): void {
    clearTimeout(this.#again);
    this.#abort?.abort();
    this.#abort = undefined;
    this.#loading = false;
  }
}
