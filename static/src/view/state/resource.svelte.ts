// Something that is loaded: what is shown stays until what replaces it has come, so that nothing flickers.

/** A request that is shown: its last good answer, what went wrong since, and whether one is under way. */
export class Resource<T> {
  #value: T | undefined = $state.raw(undefined);
  #error: unknown = $state.raw(undefined);
  #loading = $state(false);
  #track: <V>(work: Promise<V>) => Promise<V>;
  #abort: AbortController | undefined;

  constructor(track: <V>(work: Promise<V>) => Promise<V>) {
    this.#track = track;
  }

  get value(): T | undefined {
    return this.#value;
  }

  /** What the last request failed with; undefined once one went well. */
  get error(): unknown {
    return this.#error;
  }

  get loading(): boolean {
    return this.#loading;
  }

  /** Starts a request in place of the one under way, if any. */
  async load(request: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#abort?.abort();
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
    } finally {
      if (this.#abort === abort) this.#loading = false;
    }
  }

  /** Changes the value in place of a request: what the live stream told. */
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
    this.#abort?.abort();
    this.#abort = undefined;
    this.#loading = false;
  }
}
