// The critical path by phase: names and colours, and the bars of one step.

import type { PathPhases, PathStep } from '../../model/critical-path';

export interface PathPart {
  readonly name: string;
  readonly ns: number;
  readonly colour: string;
}

/** Phases of a path or of a step in the order of time. */
export function pathParts(phases: PathPhases): PathPart[] {
  const seldom = [
    { name: 'earlier attempts', ns: phases.againNs, colour: 'var(--st-failed)' },
    { name: 'back-off', ns: phases.backoffNs, colour: 'var(--st-retrying)' },
    { name: 'paused', ns: phases.stoodNs, colour: 'var(--st-pending)' },
    { name: 'not ready', ns: phases.unreadyNs, colour: 'var(--st-pending)' },
  ];
  return [
    ...seldom.filter(({ ns }) => ns > 0),
    { name: 'queue', ns: phases.queueNs, colour: 'var(--st-ready)' },
    { name: 'wait', ns: phases.waitNs, colour: 'var(--ph-wait)' },
    { name: 'fetch', ns: phases.fetchNs, colour: 'var(--st-fetching)' },
    { name: 'execute', ns: phases.executeNs, colour: 'var(--st-running)' },
    { name: 'store', ns: phases.storeNs, colour: 'var(--st-storing)' },
    { name: 'update', ns: phases.updateNs, colour: 'var(--ph-update)' },
  ];
}

/** A part as a bar: where it begins and how wide it is, in shares of the longest step. */
export interface PathBarPart extends PathPart {
  readonly x: number;
  readonly width: number;
}

/** Bars of a step; longestNs is that of the whole path. */
export function stepBars(step: PathStep, longestNs: number): PathBarPart[] {
  let x = 0;
  return pathParts(step).map((part) => {
    const width = longestNs > 0 ? part.ns / longestNs : 0;
    const bar = { ...part, x, width };
    x += width;
    return bar;
  });
}
