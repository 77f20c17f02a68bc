// What the selected root leads to by its static schedule: known before the run began, asked for when it is selected.

import type { Api } from '../../api/client';
import type { Schedule } from '../../api/schema';
import { count, counted } from '../../model/format';
import type { GraphIndex } from '../../model/graph-index';
import { Resource } from './resource.svelte';

/** A task of the graph itself that waits for no other. */
export function isRoot(index: GraphIndex, node: number): boolean {
  return node >= 0 && node < index.graph.scopes[0]!.tasks && index.parents(node).length === 0;
}

/** What the words of the schedule mean. */
export const scheduleTitle =
  'Its static schedule, as it would be shared: what a depth-first search reaches from this root. A worker continues with ' +
  'the first task that an end makes ready and hands the others out; a fan-in waits for several tasks, and the last of ' +
  'them continues with it';

/** 'leads to 30 tasks; 12 steps continued with, 15 handed out, 3 fan-ins': steps are fan-outs and their joins too. */
export function scheduleText(schedule: Pick<Schedule, 'tasks' | 'became' | 'invoked' | 'fan_ins'>): string {
  const { tasks, became, invoked, fan_ins: fanIns } = schedule;
  if (tasks <= 1) return 'nothing waits for it';
  const parts: string[] = [];
  if (became > 0) parts.push(`${counted(became, 'step')} continued with`);
  if (invoked > 0) parts.push(`${count(invoked)} handed out`);
  if (fanIns > 0) parts.push(`${counted(fanIns, 'fan-in')}`);
  return `leads to ${counted(tasks - 1, 'task')}; ${parts.join(', ')}`;
}

/** The schedule of one root at a time. */
export class RootSchedule {
  readonly #api: Api;
  readonly #run: string;
  readonly #resource: Resource<Schedule>;
  #asked = -1;

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#run = run;
    this.#resource = new Resource<Schedule>(track);
  }

  /** Asks for the schedule of a root unless it is known already; -1 for none. */
  ask(root: number): void {
    if (root === this.#asked) return;
    this.#asked = root;
    if (root < 0) this.#resource.clear();
    else void this.#resource.load((signal) => this.#api.schedule(this.#run, root, { limit: 1 }, signal));
  }

  /** The nodes are others now. */
  forget(): void {
    this.#asked = -1;
    this.#resource.clear();
  }

  /** The schedule of a root in words; empty until it has come. */
  textOf(root: number): string {
    const schedule = this.#resource.value;
    return schedule?.root === root ? scheduleText(schedule) : '';
  }

  stop(): void {
    this.#resource.stop();
  }
}
