// What workers made ready before they claimed tasks of a run, such as an environment of packages.

/** One thing that a worker made ready; times in ns since the run's start. */
export interface Preparation {
  /** For people. */
  readonly name: string;
  readonly fromNs: number;
  /** Infinity while it continues. */
  readonly toNs: number;
  /** How large it was so far. */
  readonly bytes: number;
  /** Why it failed; empty where it did not. */
  readonly error: string;
}

/** When the last of some preparations was over; 0 without any. */
export function preparedNs(preparations: readonly Preparation[]): number {
  return preparations.reduce((latest, { toNs }) => Math.max(latest, toNs), 0);
}

/** The preparation that took longest; undefined without any. */
export function longestPreparation<P extends Preparation>(preparations: readonly P[]): P | undefined {
  return preparations.reduce<P | undefined>(
    (longest, one) => (longest && longest.toNs - longest.fromNs >= one.toNs - one.fromNs ? longest : one),
    undefined,
  );
}
