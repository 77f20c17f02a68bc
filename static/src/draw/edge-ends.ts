// Which edges of the graph begin and end where.

import type { EdgeLayout } from '../model/layout';
import { edgeKey, type GraphGeometry } from './graph-geometry';

/** Numbers of edges by what they join. Each index is made when it is first asked for: most pictures mark no edge. */
export class EdgeEnds {
  readonly #edges: readonly EdgeLayout[];
  #into: ReadonlyMap<number, readonly number[]> | undefined;
  #from: ReadonlyMap<number, readonly number[]> | undefined;
  #between: ReadonlyMap<number, number> | undefined;

  constructor(geometry: GraphGeometry) {
    this.#edges = geometry.edges;
  }

  /** Edges that end at an element. */
  into(element: number): readonly number[] {
    this.#into ??= numbersBy(this.#edges, (edge) => edge.to);
    return this.#into.get(element) ?? [];
  }

  /** Edges that begin at an element. */
  from(element: number): readonly number[] {
    this.#from ??= numbersBy(this.#edges, (edge) => edge.from);
    return this.#from.get(element) ?? [];
  }

  /** The edge from one element to another; undefined where the layout has none. */
  between(from: number, to: number): number | undefined {
    this.#between ??= new Map(this.#edges.map((edge, i) => [edgeKey(edge.from, edge.to), i]));
    return this.#between.get(edgeKey(from, to));
  }
}

function numbersBy(edges: readonly EdgeLayout[], endOf: (edge: EdgeLayout) => number): Map<number, number[]> {
  const numbers = new Map<number, number[]>();
  edges.forEach((edge, i) => {
    const known = numbers.get(endOf(edge));
    if (known) known.push(i);
    else numbers.set(endOf(edge), [i]);
  });
  return numbers;
}
