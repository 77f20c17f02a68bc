// The file that a run's workflow was made of, and which of its steps tasks are of.

import type { Api } from '../../api/client';
import type { RunSource } from '../../api/schema';
import type { GraphIndex } from '../../model/graph-index';
import { stepOf } from '../../model/source-lines';
import { Resource } from './resource.svelte';

export type Step = RunSource['steps'][number];

/** Of runs of workflows that were made of a file; loaded once, for a run keeps it as it was. */
export class RunFile {
  readonly resource: Resource<RunSource>;
  readonly #load: () => Promise<void>;
  readonly #lines: readonly string[] = $derived.by(() => linesOf(this.resource.value?.text ?? ''));

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.resource = new Resource<RunSource>(track);
    this.#load = () => this.resource.load((signal) => api.runSource(run, signal));
  }

  load(): Promise<void> {
    return this.#load();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get steps(): readonly Step[] {
    return this.resource.value?.steps ?? [];
  }

  /** The step that a node is a task of. */
  stepOf(index: GraphIndex, node: number): Step | undefined {
    return node < 0 ? undefined : stepOf(this.steps, functionOf(index, node));
  }

  /** The lines of a step, as far as they are indented together. */
  textOf(step: Step): string {
    const lines = this.lines.slice(step.from - 1, step.to);
    const indent = /^ */.exec(lines[0] ?? '')![0].length;
    return lines.map((line) => line.slice(Math.min(indent, line.search(/\S|$/)))).join('\n');
  }
}

/** Lines without their ends, and without an empty one after the last end. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function functionOf(index: GraphIndex, node: number): string {
  return index.graph.functions[index.functionOf(node)]?.function ?? '';
}

/** The tasks of a step, ascending: those of the steps within it as well. */
export function tasksOf(index: GraphIndex, steps: readonly Step[], path: string): number[] {
  const isOf = index.graph.functions.map(({ function: name }) => {
    const found = stepOf(steps, name)?.path;
    return found !== undefined && (found === path || found.startsWith(`${path}.`));
  });
  const tasks: number[] = [];
  for (let node = 0; node < index.nodes; node++) if (isOf[index.functionOf(node)] === true) tasks.push(node);
  return tasks;
}

/** The task after the selected one, the first after the last; -1 for none. */
export function nextOf(tasks: readonly number[], selected: number): number {
  return tasks[tasks.indexOf(selected) + 1] ?? tasks[0] ?? -1;
}
