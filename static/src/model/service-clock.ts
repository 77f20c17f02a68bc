// What time it is for the service, whose instants a page compares with now. The clock of the reader's machine may be
// hours off.

/** Answers have their date in whole seconds. */
const DATE_STEP_MS = 1000;

/**
 * Learns how far the service's clock is ahead of the machine's from the dates of its answers. Each answer bounds that:
 * the service wrote its date after the request had left and before the answer came. Where the bounds allow 0 the clocks are
 * taken for equal, so that a right clock is never corrected by noise.
 */
export class ServiceClock {
  #leastMs = -Infinity;
  #mostMs = Infinity;

  /** date is the Date of an answer, null where it has none; the moments are of the machine's clock, in ms since 1970. */
  learn(date: string | null, sentMs: number, receivedMs: number): void {
    const dateMs = date === null ? NaN : Date.parse(date);
    if (Number.isNaN(dateMs)) return;
    const leastMs = dateMs - receivedMs;
    const mostMs = dateMs + DATE_STEP_MS - sentMs;
    if (leastMs > this.#mostMs || mostMs < this.#leastMs) {
      // One of the clocks was set: what was learnt before no longer holds.
      [this.#leastMs, this.#mostMs] = [leastMs, mostMs];
      return;
    }
    this.#leastMs = Math.max(this.#leastMs, leastMs);
    this.#mostMs = Math.min(this.#mostMs, mostMs);
  }

  /** The service's time, where the machine's clock says machineMs. */
  nowMs(machineMs: number): number {
    return machineMs + this.#aheadMs;
  }

  get #aheadMs(): number {
    if (this.#leastMs <= 0 && this.#mostMs >= 0) return 0;
    return (this.#leastMs + this.#mostMs) / 2;
  }
}
