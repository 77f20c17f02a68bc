// Graphs of tasks for simulated runs.

import type { Random } from './random';
import type { SimulatedTask } from './simulate';

/** What a task of a shape takes; chosen anew for each. */
export type Cost = (fn: string) => Omit<SimulatedTask, 'fn' | 'after'>;

/** Tasks that wait for nothing. */
export function wide(n: number, cost: Cost, fn = 'map'): SimulatedTask[] {
  return Array.from({ length: n }, () => ({ fn, after: [], ...cost(fn) }));
}

/** Each task waits for the one before. */
export function chain(n: number, cost: Cost, fn = 'step'): SimulatedTask[] {
  return Array.from({ length: n }, (_, i) => ({ fn, after: i === 0 ? [] : [i - 1], ...cost(fn) }));
}

/** Pairs are added until one is left. */
export function tree(leaves: number, cost: Cost, fn = 'add'): SimulatedTask[] {
  const tasks = wide(leaves, cost, fn);
  let level = tasks.map((_, i) => i);
  while (level.length > 1) {
    const next: number[] = [];
    for (let i = 0; i < level.length; i += 2) {
      next.push(tasks.length);
      tasks.push({ fn, after: level.slice(i, i + 2), ...cost(fn) });
    }
    level = next;
  }
  return tasks;
}

/** Levels of several tasks, each level after a task that waits for all of the one before. */
export function levels(count: number, width: number, cost: Cost): SimulatedTask[] {
  const tasks: SimulatedTask[] = [{ fn: 'split', after: [], ...cost('split') }];
  for (let level = 0; level < count; level++) {
    const before = tasks.length - 1;
    const first = tasks.length;
    for (let i = 0; i < width; i++) tasks.push({ fn: 'map', after: [before], ...cost('map') });
    const after = Array.from({ length: width }, (_, i) => first + i);
    tasks.push({ fn: 'merge', after, ...cost('merge') });
  }
  return tasks;
}

/** Each task waits for up to three of a number of those before it. */
export function woven(n: number, reach: number, random: Random, cost: Cost): SimulatedTask[] {
  return Array.from({ length: n }, (_, i) => {
    const after = new Set<number>();
    for (let k = random.whole(0, 3); k > 0 && i > 0; k--) after.add(random.whole(Math.max(0, i - reach), i - 1));
    const fn = random.pick(['load', 'blur', 'grey']);
    return { fn, after: [...after], ...cost(fn) };
  });
}

/** Chains that know nothing of each other. */
export function chains(count: number, length: number, cost: Cost): SimulatedTask[] {
  const tasks: SimulatedTask[] = [];
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < length; i++) {
      tasks.push({ fn: 'step', after: i === 0 ? [] : [tasks.length - 1], ...cost('step') });
    }
  }
  return tasks;
}
