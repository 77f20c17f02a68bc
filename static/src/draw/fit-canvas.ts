// The only place that gives a canvas its size.

/** Longest side of a canvas, device px: above it some browsers give a blank one. */
const MAX_SIDE = 8192;
/** Largest area, device px: 64 MiB of pixels. */
const MAX_AREA = 16 * 1024 * 1024;

/** Device px per CSS px to use for a canvas of this CSS size, so that neither side nor area goes over its cap. */
export function fitRatio(width: number, height: number, ratio: number): number {
  if (width <= 0 || height <= 0) return ratio;
  const bySide = MAX_SIDE / Math.max(width, height);
  const byArea = Math.sqrt(MAX_AREA / (width * height));
  return Math.min(ratio, bySide, byArea);
}

/**
 * Makes a canvas width × height CSS px, sharp on a display of this ratio, and sets its transform so that painting is
 * in CSS px. Setting a size clears a canvas, so it is only set when it changes; returns whether it did.
 */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): boolean {
  const fitted = fitRatio(width, height, ratio);
  const deviceWidth = Math.max(1, Math.round(width * fitted));
  const deviceHeight = Math.max(1, Math.round(height * fitted));
  const changed = canvas.width !== deviceWidth || canvas.height !== deviceHeight;
  if (changed) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.getContext('2d')?.setTransform(fitted, 0, 0, fitted, 0, 0);
  return changed;
}

/** Calls changed whenever the display's ratio does (a window moved to another screen, a zoomed page), until stopped. */
export function watchRatio(changed: () => void): () => void {
  let query: MediaQueryList;
  const listen = (): void => {
    query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    query.addEventListener('change', again, { once: true });
  };
  const again = (): void => {
    listen();
    changed();
  };
  listen();
  return () => query.removeEventListener('change', again);
}
