// Asks again and again, but only while the page is visible.

/** Calls `ask` now and then every everyMs while the page is visible, and at once when it becomes so; returns what ends it. */
export function poll(page: Document, everyMs: number, ask: () => Promise<void>): () => void {
  let timer: number | undefined;
  let ended = false;
  const next = (): void => {
    if (ended || page.hidden || timer !== undefined) return;
    void ask().finally(() => {
      if (!ended && !page.hidden) timer = window.setTimeout(again, everyMs);
    });
  };
  const again = (): void => {
    timer = undefined;
    next();
  };
  const turned = (): void => {
    window.clearTimeout(timer);
    again();
  };
  page.addEventListener('visibilitychange', turned);
  next();
  return () => {
    ended = true;
    window.clearTimeout(timer);
    page.removeEventListener('visibilitychange', turned);
  };
}
