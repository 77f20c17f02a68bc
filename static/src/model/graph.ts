// The planned graph of a run, as the service sends it: GET /runs/{run}/graph.

/** A graph of scopes; scope 0 is the graph itself, every other one the body of a fan-out. */
export interface Graph {
  readonly hash: string;
  readonly functions: readonly FunctionName[];
  readonly scopes: readonly Scope[];
  /** What a recording calls its tasks, by node; empty or absent for those that have no names of their own. */
  readonly names?: readonly string[] | undefined;
}

export interface FunctionName {
  readonly function: string;
  readonly version: number;
}

/** Nodes of a scope are its tasks, then its fan-outs, then its joins, numbered from 0 within one instance. */
export interface Scope {
  /** Enclosing scope, -1 for the graph itself. */
  readonly up: number;
  /** Node of the enclosing scope that instantiates this one. */
  readonly expansion: number;
  readonly tasks: number;
  readonly fanouts: number;
  readonly joins: number;
  /** Index into functions, of each task. */
  readonly function: readonly number[];
  /** Pairs from, to: nodes of the same instance that wait for one another. */
  readonly edges: readonly number[];
  /** Bytes that were read along each edge, -1 where that is not known; absent where edges carry whole outputs. */
  readonly edgeBytes?: readonly number[] | undefined;
  /** Scope that each fan-out instantiates. */
  readonly region: readonly number[];
  /** For each join, the fan-out whose results it collects: a node of this scope. */
  readonly joinOf: readonly number[];
  /** For each join, the nodes of the region's scope that it waits for in each instance. */
  readonly joinWaits: readonly (readonly number[])[];
}
