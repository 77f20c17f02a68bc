// The three tallies of the graph's picture.

import type { GraphIndex } from '../model/graph-index';
import type { GraphGeometry } from './graph-geometry';
import type { Collapse } from './graph-groups';
import type { NodeStates } from '../model/node-states';
import { ElementPlaces, PlacesBeyond, StateTally } from './state-tally';

/** Tasks by element, by group and by column. */
export class GraphTallies {
  readonly elements = new StateTally();
  readonly groups = new StateTally();
  readonly columns = new StateTally();
  readonly #places = new ElementPlaces();
  readonly #groupOf = new PlacesBeyond();
  readonly #columnOf = new PlacesBeyond();

  /** The element of each node, -1 of what is no task. */
  elementOf(index: GraphIndex): Int32Array {
    return this.#places.of(index);
  }

  update(index: GraphIndex, states: NodeStates, geometry: GraphGeometry, collapse: Collapse): void {
    const elements = this.elementOf(index);
    this.elements.update(states, elements, geometry.rects.length);
    this.groups.update(states, this.#groupOf.of(elements, collapse.groupOf), collapse.groups.length);
    this.columns.update(states, this.#columnOf.of(elements, geometry.columnOf), geometry.columns.length);
  }
}
