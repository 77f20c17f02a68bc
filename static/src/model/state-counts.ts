// How many tasks are in each state at a moment: counted once for everything that shows it, and along with a log that grows.

import type { GraphIndex } from './graph-index';
import { NodeStates } from './node-states';
import type { RunTable } from './run-table';
import { eachBegunTask, isOverAt, noStates, type StateCounts, unbegunState } from './states';
import { stateNumber, taskStates } from './task-state';

/** Now, the end, and a moment that is pointed at are asked for in turn. */
const COUNTERS = 3;

/** Of each table its counters, the one used last first. */
const countersOf = new WeakMap<RunTable, StateCounter[]>();

/** Counts of an ended run, by moment. */
interface EndedCounts {
  readonly version: number;
  readonly tasks: number;
  readonly at: Map<number, StateCounts>;
}

const endedCounts = new WeakMap<RunTable, EndedCounts>();
const MOMENTS_KEPT = 4;

/** How many of all tasks known so far are in each state at a moment. */
export function countStates(index: GraphIndex, table: RunTable, atNs: number): Readonly<StateCounts> {
  if (table.ended) return countEnded(index, table, atNs);
  const known = countersOf.get(table) ?? [];
  const counter =
    known.find((one) => one.isAt(index, table, atNs)) ??
    known.find((one) => one.follows(index, table, atNs)) ??
    (known.length < COUNTERS ? new StateCounter() : known.at(-1)!);
  if (counter !== known[0]) countersOf.set(table, [counter, ...known.filter((one) => one !== counter)]);
  return counter.countAt(index, table, atNs);
}

/** The playhead of an ended run may be anywhere next: nothing is kept to continue from. */
function countEnded(index: GraphIndex, table: RunTable, atNs: number): StateCounts {
  let known = endedCounts.get(table);
  if (known?.version !== table.version || known.tasks !== index.tasks || known.at.size >= MOMENTS_KEPT) {
    known = { version: table.version, tasks: index.tasks, at: new Map() };
    endedCounts.set(table, known);
  }
  let counts = known.at.get(atNs);
  if (counts !== undefined) return counts;
  const numbers = new Uint32Array(taskStates.length);
  eachBegunTask(table, atNs, (_, state) => numbers[state]!++);
  counts = countsOf(numbers, index.tasks, stateNumber[unbegunState(isOverAt(table, atNs))]);
  known.at.set(atNs, counts);
  return counts;
}

/** Counts from numbers by state of what has begun; unbegun = the state of all other tasks, whatever its number says. */
function countsOf(numbers: Uint32Array, tasks: number, unbegun: number): StateCounts {
  const counts = noStates();
  let begun = 0;
  taskStates.forEach((state, i) => {
    if (i === unbegun) return;
    counts[state] = numbers[i]!;
    begun += numbers[i]!;
  });
  counts[taskStates[unbegun]!] = Math.max(0, tasks - begun);
  return counts;
}

class StateCounter {
  readonly #states = new NodeStates();
  /** By state; of what has not begun, whatever the array holds. */
  readonly #numbers = new Uint32Array(taskStates.length);
  #unbegun = -1;
  #tasks = -1;
  #counts: Readonly<StateCounts> = noStates();

  isAt(index: GraphIndex, table: RunTable, atNs: number): boolean {
    return index.tasks === this.#tasks && this.#states.isAt(index, table, atNs);
  }

  follows(index: GraphIndex, table: RunTable, atNs: number): boolean {
    return this.#states.follows(index, table, atNs);
  }

  countAt(index: GraphIndex, table: RunTable, atNs: number): Readonly<StateCounts> {
    if (this.isAt(index, table, atNs)) return this.#counts;
    if (this.#states.update(index, table, atNs)) this.#count(index);
    this.#tasks = index.tasks;
    this.#counts = countsOf(this.#numbers, index.tasks, this.#unbegun);
    return this.#counts;
  }

  #count(index: GraphIndex): void {
    const { changed, state, unbegun } = this.#states;
    const numbers = this.#numbers;
    if (changed === null || unbegun !== this.#unbegun) {
      numbers.fill(0);
      for (let node = 0; node < index.nodes; node++) numbers[state[node]!]!++;
    } else {
      for (const { before, now } of changed) {
        numbers[before]!--;
        numbers[now]!++;
      }
    }
    this.#unbegun = unbegun;
  }
}
