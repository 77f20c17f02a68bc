// The pictures of a run page, as much of them as keys and menus use.

/** A picture as it is shown. */
export interface Picture {
  flatten(): HTMLCanvasElement;
  /** An SVG document. */
  svg(title: string): string;
}

/** The handle of the graph. */
export interface GraphHandle {
  fit(): void;
  zoomBy(factor: number): void;
  pan(dxPx: number, dyPx: number): void;
  /** The task next to the selected one that way, -1 for none. */
  step(dx: number, dy: number): number;
  /** Brings a task into view. */
  reveal(node: number): void;
  /** Null before anything is shown. */
  picture(): Picture | null;
}

/** The handle of the lanes. */
export interface LanesHandle {
  fit(): void;
  reveal(node: number): void;
  picture(): Picture | null;
}

export interface Pictures {
  graph(): GraphHandle | undefined;
  lanes(): LanesHandle | undefined;
}
