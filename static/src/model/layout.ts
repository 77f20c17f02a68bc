// Where the layout engine of the service puts things; see web/layout.

/**
 * Layout of one run's graph, the same for every run of equal structural hash. Units are abstract: 1 across is one
 * level, 1 down is the pitch of the densest level, so a view chooses its own scale for each axis.
 */
export interface Layout {
  readonly hash: string;
  readonly engine: 'layered' | 'dot';
  /** One per scope of the graph, in the same order; scope 0 is the graph itself, others are bodies of fan-outs. */
  readonly scopes: readonly ScopeLayout[];
}

/** Elements of a scope: its tasks 0 … tasks-1, then one box for each of its fan-outs. */
export interface ScopeLayout {
  /** Levels, left to right; width of the widest thing in each column is the view's business. */
  readonly columns: number;
  /** Extent down, in units; at least 1. */
  readonly height: number;
  /** Column of each element. */
  readonly column: readonly number[];
  /** Middle of each element down from the top, in units. */
  readonly y: readonly number[];
  /** Extent of each element down, in units: 1 for tasks, more for boxes of fan-outs. */
  readonly size: readonly number[];
  readonly edges: readonly EdgeLayout[];
}

/** An edge between two elements of a scope, left to right. */
export interface EdgeLayout {
  readonly from: number;
  readonly to: number;
  /** Height at which it passes each column strictly between the two, in units. */
  readonly via: readonly number[];
}
