// What made an ended run as long as it was: the bound that is nearest to its makespan.

import type { Bounds, SlotWork } from './bounds';

/** Why a run took as long as it did. */
export type Cause =
  /** All slots were at work. */
  | 'full'
  /** Tasks waited for each other: with more slots it would have been no shorter. */
  | 'chain'
  /** The same where never two of them ran at once. */
  | 'serial'
  /** The same where one task took much longer than others of its function. */
  | 'straggler'
  /** Fetching inputs and storing outputs. */
  | 'moving'
  /** What the engine does for each task, where tasks do hardly anything; in a recording all that is around execution. */
  | 'engine'
  /** Attempts that had to be repeated. */
  | 'again'
  /** Waiting before a retry. */
  | 'backoff'
  /** Tasks waited although slots were free. */
  | 'waiting'
  /** There was no worker. */
  | 'absent'
  /** Tasks had a slot and waited for processors or memory. */
  | 'blocked'
  /** Tasks of the critical path were not ready, and the record of the run does not say why. */
  | 'unready'
  | 'paused'
  /** The run had ended, and was continued later. */
  | 'continued';

export interface Reason {
  readonly cause: Cause;
  /** How much of the makespan it explains. */
  readonly ns: number;
  readonly share: number;
}

/** That the run was at a standstill comes first from this share of the makespan on: the workflow did not cause it. */
const STOOD = 0.2;
/** A chain that is so near to work ÷ slots says more: slots would not have helped. */
const AS_NEAR = 0.95;
/** All work in lengths of the chain: up to here, what is not on it does not count. */
const ONE = 1.05;
/** Share of the chain that a straggler alone has to hold up. */
const HELD_UP = 0.5;

/** The bound that is nearest to the makespan, apart from standstills where they are left out. */
export function reasonOf(bounds: Bounds, { still = true } = {}): Reason {
  const { path, makespanNs } = bounds;
  const reason = (cause: Cause, ns: number): Reason => ({ cause, ns, share: makespanNs > 0 ? ns / makespanNs : 0 });
  const stood = [reason('paused', path.pausedNs), reason('continued', path.overNs)];
  const worst = stood.find(({ share }) => share >= STOOD);
  if (still && worst !== undefined) return worst;
  const found: Bound[] = [
    slotsOrChain(bounds),
    of('moving', path.movingNs),
    of('engine', path.engineNs),
    of('again', path.againNs),
    of('backoff', path.backoffNs),
    of('waiting', path.freeNs),
    of('absent', path.absentNs),
    of('blocked', path.blockedNs),
    of('unready', path.unreadyNs),
    ...(still ? stood.map(({ cause, ns }) => of(cause, ns)) : []),
  ];
  const nearest = found.reduce((best, one) => (one.boundNs > best.boundNs ? one : best));
  return reason(nearest.cause, nearest.ns);
}

/** A bound, and how much of it is of its cause. */
interface Bound {
  readonly cause: Cause;
  readonly boundNs: number;
  readonly ns: number;
}

function of(cause: Cause, ns: number): Bound {
  return { cause, boundNs: ns, ns };
}

/** What keeps slots at work binds where they all are, or where tasks wait for each other. */
function slotsOrChain(bounds: Bounds): Bound {
  const { heldChain, chainWork, work, workNs, path } = bounds;
  // Where one slot went through tiny tasks alone, the path waited for that, however many slots there were.
  const slotsNs = Math.max(workNs, path.fullNs);
  const isChain = heldChain.ns >= AS_NEAR * slotsNs;
  const boundNs = isChain ? heldChain.ns : slotsNs;
  const { part, share } = largestPart(isChain ? chainWork : work);
  if (part !== 'execute') return { cause: part, boundNs, ns: boundNs * share };
  return of(isChain ? chainCause(bounds) : 'full', boundNs);
}

function chainCause({ straggler, heldChain, work }: Bounds): Cause {
  const isHeldUp = straggler !== undefined && heldChain.nodes.includes(straggler.node);
  if (isHeldUp && straggler.lateNs >= HELD_UP * heldChain.ns) return 'straggler';
  return work.totalNs <= ONE * heldChain.ns ? 'serial' : 'chain';
}

/** What slots spent most of their time on, and what share of it. */
function largestPart(work: SlotWork): {
  readonly part: 'execute' | 'moving' | 'engine' | 'again';
  readonly share: number;
} {
  const { executeNs, movingNs, engineNs, againNs, totalNs } = work;
  const most = Math.max(executeNs, movingNs, engineNs, againNs);
  const share = totalNs > 0 ? most / totalNs : 1;
  if (executeNs === most) return { part: 'execute', share };
  if (movingNs === most) return { part: 'moving', share };
  return { part: engineNs === most ? 'engine' : 'again', share };
}
