// How many tasks are in each state, by what they are drawn as: an element, a group, a column.

import type { GraphIndex } from '../model/graph-index';
import { rootElement } from './graph-places';
import { STATES } from './mark-state';
import type { NodeStates } from '../model/node-states';

/** Counts by place. */
export interface Tally {
  /** STATES numbers for each place. */
  readonly counts: Uint32Array;
  /** Tasks so far. */
  readonly totals: Uint32Array;
}

/** Counts of one place. */
export interface TallyPart {
  readonly counts: Uint32Array;
  readonly total: number;
}

/** The counts of one place; they change with the tally. */
export function tallyAt({ counts, totals }: Tally, place: number): TallyPart {
  return { counts: counts.subarray(place * STATES, (place + 1) * STATES), total: totals[place]! };
}

/** Adds up the counts of places [first, last]. */
export function tallyOver(tally: Tally, first: number, last: number): TallyPart {
  const counts = new Uint32Array(STATES);
  let total = 0;
  for (let place = first; place <= last; place++) {
    for (let state = 0; state < STATES; state++) counts[state]! += tally.counts[place * STATES + state]!;
    total += tally.totals[place]!;
  }
  return { counts, total };
}

/** Follows states: only the nodes that changed are counted again while places stay the same. Owned by GraphTallies. */
export class StateTally implements Tally {
  counts = new Uint32Array(0);
  totals = new Uint32Array(0);
  #placeOf: Int32Array | null = null;
  #revision = -1;
  /** Nodes read since the start: a budget. */
  read = 0;

  /** placeOf gives the place of each node, -1 where it is not counted; another array means other places. */
  update(states: NodeStates, placeOf: Int32Array, places: number): void {
    const isNext = placeOf === this.#placeOf && states.revision === this.#revision + 1 && states.changed !== null;
    if (placeOf === this.#placeOf && states.revision === this.#revision) return;
    if (isNext) this.#follow(states, placeOf);
    else this.#countAll(states, placeOf, places);
    this.#placeOf = placeOf;
    this.#revision = states.revision;
  }

  #follow({ changed }: NodeStates, placeOf: Int32Array): void {
    for (const { node, before, now } of changed!) {
      const place = placeOf[node]!;
      if (place < 0) continue;
      this.counts[place * STATES + before]!--;
      this.counts[place * STATES + now]!++;
    }
    this.read += changed!.length;
  }

  #countAll({ state }: NodeStates, placeOf: Int32Array, places: number): void {
    this.counts = new Uint32Array(places * STATES);
    this.totals = new Uint32Array(places);
    for (let node = 0; node < placeOf.length; node++) {
      const place = placeOf[node]!;
      if (place < 0) continue;
      this.counts[place * STATES + state[node]!]!++;
      this.totals[place]!++;
    }
    this.read += placeOf.length;
  }
}

/** Which element of the graph itself each task is drawn within, over all instances of fan-outs, nested ones too. */
export class ElementPlaces {
  #of = new Int32Array(0);
  #index: GraphIndex | null = null;

  /** By node; -1 for what is no task. */
  of(index: GraphIndex): Int32Array {
    if (index === this.#index && index.nodes === this.#of.length) return this.#of;
    this.#index = index;
    this.#of = new Int32Array(index.nodes).fill(-1);
    for (const block of index.blocks) {
      const scope = index.graph.scopes[block.scope]!;
      const root = block.expansion < 0 ? -1 : rootElement(index, block.expansion);
      for (let i = 0; i < block.instances; i++) {
        const first = block.first + i * block.size;
        for (let task = 0; task < scope.tasks; task++) this.#of[first + task] = root < 0 ? task : root;
      }
    }
    return this.#of;
  }
}

/** Places of places: of each node the place of its element. Kept as long as both are the same. */
export class PlacesBeyond {
  #of = new Int32Array(0);
  #elements: Int32Array | null = null;
  #beyond: ArrayLike<number> | null = null;

  of(elements: Int32Array, beyond: ArrayLike<number>): Int32Array {
    if (elements === this.#elements && beyond === this.#beyond) return this.#of;
    this.#elements = elements;
    this.#beyond = beyond;
    this.#of = elements.map((element) => (element < 0 ? -1 : beyond[element]!));
    return this.#of;
  }
}
