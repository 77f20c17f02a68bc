// Small choices that a browser remembers; where it keeps nothing (private windows, blocked storage) they last for the page.

/** Where choices are kept; `localStorage` is one. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** The storage of a window, or one that forgets where the browser denies it. */
export function keepOf(host: Pick<Window, 'localStorage'>): Keep {
  try {
    return host.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

/** Reads a remembered choice; what is not among the known ones counts as never chosen. */
export function recall<T extends string>(keep: Keep, key: string, known: readonly T[], otherwise: T): T {
  try {
    const kept = keep.getItem(key);
    return known.find((choice) => choice === kept) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers a choice as well as the browser lets us. */
export function remember(keep: Keep, key: string, value: string): void {
  try {
    keep.setItem(key, value);
  } catch {
    // Storage is full or forbidden: the choice holds for this page.
  }
}
