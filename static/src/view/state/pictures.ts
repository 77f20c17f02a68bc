// The pictures of a run page, as much of them as keys and menus use.

/** The handle of the graph. */
export interface GraphHandle {
  fit(): void;
  zoomBy(factor: number): void;
  pan(dxPx: number, dyPx: number): void;
  /** The task next to the selected one that way, -1 for none. */
  step(dx: number, dy: number): number;
  /** Brings a task into view. */
  reveal(node: number): void;
}

/** The handle of the lanes. */
export interface LanesHandle {
  fit(): void;
  reveal(node: number): void;
}

export interface Pictures {
  graph(): GraphHandle | undefined;
  lanes(): LanesHandle | undefined;
}
