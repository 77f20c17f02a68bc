// Time that passes on command.

import type { Clock } from '../../src/live/transport';

interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly call: () => void;
}

export class FakeClock implements Clock {
  #nowMs = 1_000;
  #timers: Timer[] = [];
  #made = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, number: this.#made++, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass; what is due meanwhile is called in its order, at its moment. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs || a.number - b.number);
      const timer = this.#timers[0];
      if (timer === undefined || timer.atMs > untilMs) break;
      this.#timers.shift();
      this.#nowMs = timer.atMs;
      timer.call();
    }
    this.#nowMs = untilMs;
  }
}
