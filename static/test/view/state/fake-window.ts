/** As much of a window as the router needs: an address, a history, and what listens to it. */
export interface FakeWindow extends Window {
  readonly entries: string[];
  readonly scrolls: number;
  back(): void;
}

export function fakeWindow(href: string): FakeWindow {
  const entries = [href];
  const listeners = new Map<string, Set<() => void>>();
  const target = {
    addEventListener: (name: string, listener: () => void) => {
      listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
    },
    removeEventListener: (name: string, listener: () => void) => {
      listeners.get(name)?.delete(listener);
    },
  };
  const host = {
    ...target,
    entries,
    scrolls: 0,
    document: target,
    location: {
      get href() {
        return entries.at(-1)!;
      },
    },
    history: {
      pushState: (_: unknown, __: string, url: URL) => entries.push(url.href),
      replaceState: (_: unknown, __: string, url: URL) => entries.splice(-1, 1, url.href),
    },
    scrollTo: () => {
      host.scrolls++;
    },
    back: () => {
      entries.pop();
      for (const listener of listeners.get('popstate') ?? []) listener();
    },
  };
  return host as unknown as FakeWindow;
}
