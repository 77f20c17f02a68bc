// Files of the source that import each other, directly or through others.

import { resolved } from './check';
import type { Source } from './source';

/** Groups of files that all reach each other by imports, those of types included; the files of each by name. */
export function circles(sources: readonly Source[]): string[][] {
  const importsOf = new Map(sources.map(({ file }) => [file, new Set<string>()]));
  for (const { file, imports } of sources) {
    for (const { text } of imports) {
      if (!text.startsWith('.')) continue;
      const path = resolved(file, text);
      const target = [path, `${path}.ts`].find((one) => importsOf.has(one));
      if (target !== undefined) importsOf.get(file)!.add(target);
    }
  }
  return cyclicParts(importsOf);
}

/** Strongly connected parts of a graph that have an edge inside (Tarjan, Depth-first search, SIAM J. Comput. 1, 1972). */
function cyclicParts(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = [];
  const number = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (at: string): number => {
    number.set(at, number.size);
    lowest.set(at, number.get(at)!);
    open.push(at);
    for (const to of edges.get(at)!) {
      const reached = !number.has(to) ? visit(to) : open.includes(to) ? number.get(to)! : Infinity;
      lowest.set(at, Math.min(lowest.get(at)!, reached));
    }
    if (lowest.get(at) === number.get(at)) {
      const part = open.splice(open.indexOf(at));
      if (part.length > 1 || edges.get(at)!.has(at)) found.push(part.sort());
    }
    return lowest.get(at)!;
  };
  for (const file of edges.keys()) if (!number.has(file)) visit(file);
  return found;
}
