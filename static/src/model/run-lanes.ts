// The lanes of a run: those that worked, and idle ones of its workers.

import { LaneBook } from './lane-book';
import type { Lane, Lanes, WorkerLanes } from './lanes';
import type { RunTable } from './run-table';

const unknown: ReadonlyMap<number, number> = new Map();
const books = new WeakMap<RunTable, LaneBook>();

/**
 * The lanes of a run. A slot that never worked is in no row: slotsOf says how many each worker has, where that is
 * known; workers that have done nothing yet get their lanes from it, too. processorsOf says which of its slots a worker
 * always has. A lane in which nothing has happened since the last call stays the same object.
 */
export function lanesOf(
  table: RunTable,
  slotsOf: ReadonlyMap<number, number> = unknown,
  processorsOf: ReadonlyMap<number, number> = unknown,
): Lanes {
  let book = books.get(table);
  if (book === undefined) books.set(table, (book = new LaneBook()));
  return completed(book.lanesOf(table), slotsOf, processorsOf);
}

/** Lanes with what is known of their workers. */
interface Completed {
  readonly slotsOf: ReadonlyMap<number, number>;
  readonly processorsOf: ReadonlyMap<number, number>;
  readonly lanes: Lanes;
}

const completions = new WeakMap<Lanes, Completed[]>();
/** Lanes of one table are asked for with what is known of its workers, by the picture and by the panels. */
const COMPLETIONS = 3;

function completed(
  worked: Lanes,
  slotsOf: ReadonlyMap<number, number>,
  processorsOf: ReadonlyMap<number, number>,
): Lanes {
  const known = completions.get(worked) ?? [];
  const same = known.find(
    (one) => hasSameEntries(one.slotsOf, slotsOf) && hasSameEntries(one.processorsOf, processorsOf),
  );
  if (same !== undefined) return same.lanes;
  const lanes = complete(worked, slotsOf, processorsOf);
  completions.set(worked, [{ slotsOf, processorsOf, lanes }, ...known].slice(0, COMPLETIONS));
  return lanes;
}

/** Adds lanes that never worked, and marks those beyond the processors; the same lanes where there is neither. */
function complete(
  worked: Lanes,
  slotsOf: ReadonlyMap<number, number>,
  processorsOf: ReadonlyMap<number, number>,
): Lanes {
  const slotsBy = new Map(worked.workers.map(({ worker, slots }) => [worker, slots]));
  for (const [worker, count] of slotsOf) slotsBy.set(worker, withIdle(worker, slotsBy.get(worker) ?? [], count));
  let index = 0;
  const workers = [...slotsBy.entries()]
    .filter(([, slots]) => slots.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([worker, slots]): WorkerLanes => {
      const processors = processorsOf.get(worker) ?? Infinity;
      return { worker, slots: slots.map((lane) => variantOf(lane, index++, lane.slot >= processors)) };
    });
  const lanes = workers.flatMap((of) => of.slots);
  const isSame = lanes.length === worked.lanes.length && lanes.every((lane, i) => lane === worked.lanes[i]);
  return isSame ? worked : { workers, lanes };
}

function withIdle(worker: number, slots: readonly Lane[], count: number): readonly Lane[] {
  const known = new Set(slots.map((lane) => lane.slot));
  const idle: Lane[] = [];
  for (let slot = 0; slot < count; slot++) if (!known.has(slot)) idle.push(idleLane(worker, slot));
  return idle.length === 0 ? slots : [...slots, ...idle].sort((a, b) => a.slot - b.slot);
}

const noRows = new Uint32Array(0);
const noMoments = new Float64Array(0);

function idleLane(worker: number, slot: number): Lane {
  return {
    index: 0,
    worker,
    slot,
    extra: false,
    rows: noRows,
    startNs: noMoments,
    endNs: noMoments,
    reachNs: noMoments,
    busyBeforeNs: noMoments,
  };
}

const variants = new WeakMap<Lane, Lane>();

/** A lane in another place, or with the mark. The last one made of it is kept. */
function variantOf(lane: Lane, index: number, extra: boolean): Lane {
  if (lane.index === index && lane.extra === extra) return lane;
  const known = variants.get(lane);
  if (known?.index === index && known.extra === extra) return known;
  const made = { ...lane, index, extra };
  variants.set(lane, made);
  return made;
}

function hasSameEntries(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
