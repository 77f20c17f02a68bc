// Random graphs, with fan-outs within fan-outs.

import type { Graph, Scope } from '../../src/model/graph';
import type { Random } from './random';

interface Building {
  scopes: Scope[];
  functions: number;
}

/** A graph of a few scopes. Every scope has tasks; fan-outs wait for tasks before them, joins for their fan-out. */
export function randomGraph(random: Random): Graph {
  const functions = random.whole(1, 5);
  const building: Building = { scopes: [], functions };
  addScope(building, random, -1, -1, 0);
  const names = ['load', 'blur', 'sharpen', 'grey', 'merge'].slice(0, functions);
  return { hash: 'f00d', functions: names.map((name) => ({ function: name, version: 0 })), scopes: building.scopes };
}

function addScope(building: Building, random: Random, up: number, expansion: number, depth: number): number {
  const number = building.scopes.length;
  const tasks = random.whole(1, 6);
  const fanouts = depth < 2 ? random.whole(0, 2) : 0;
  const joins = random.whole(0, fanouts);
  building.scopes.push({} as Scope); // takes the number; bodies follow
  const region: number[] = [];
  for (let k = 0; k < fanouts; k++) region.push(addScope(building, random, number, tasks + k, depth + 1));
  const joinOf = Array.from({ length: joins }, (_, k) => tasks + k);
  building.scopes[number] = {
    up,
    expansion,
    tasks,
    fanouts,
    joins,
    function: Array.from({ length: tasks }, () => random.whole(0, building.functions - 1)),
    edges: randomEdges(random, tasks, fanouts, joinOf),
    region,
    joinOf,
    joinWaits: joinOf.map((_, k) => [random.whole(0, building.scopes[region[k]!]!.tasks - 1)]),
  };
  return number;
}

/**
 * Tasks of the first half come before fan-outs, those of the second half after joins; within a half, tasks wait for
 * those with lower numbers.
 */
function randomEdges(random: Random, tasks: number, fanouts: number, joinOf: readonly number[]): number[] {
  const half = Math.ceil(tasks / 2);
  const edges: number[] = [];
  for (let task = 1; task < tasks; task++) {
    for (let before = 0; before < task; before++) if (random.chance(0.3)) edges.push(before, task);
  }
  for (let k = 0; k < fanouts; k++) edges.push(random.whole(0, half - 1), tasks + k);
  joinOf.forEach((fanout, k) => {
    const join = tasks + fanouts + k;
    edges.push(fanout, join);
    for (let task = half; task < tasks; task++) if (random.chance(0.6)) edges.push(join, task);
  });
  return edges;
}
