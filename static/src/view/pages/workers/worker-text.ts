// The words of the page of workers.

import type { Worker } from '../../../api/schema';
import { bytesText, count, counted } from '../../../model/format';
import { workerName } from '../../../model/events';
import { shortAge } from '../../state/instant';

/** What tasks of a worker may use together: 4 processors, 8.00 GiB for tasks. */
export function roomText({ width, task_memory_bytes: memory }: Worker): string {
  const processors = counted(width, 'processor');
  return memory > 0 ? `${processors}, ${bytesText(memory)} for tasks` : processors;
}

/** The sentence on top: how many slots work, of those that live. */
export function slotsText(all: readonly Worker[]): string {
  const workers = all.filter((worker) => !worker.lost);
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
  const processors = counted(
    workers.reduce((sum, worker) => sum + worker.width, 0),
    'processor',
  );
  if (slots === 0) return `No slot is open yet on ${processors}.`;
  if (busy === 0) return `All ${counted(slots, 'slot')} on ${processors} ${slots === 1 ? 'is' : 'are'} idle.`;
  if (busy === slots) return `All ${counted(slots, 'slot')} on ${processors} ${slots === 1 ? 'works' : 'work'}.`;
  return `${count(busy)} of ${counted(slots, 'slot')} on ${processors} ${busy === 1 ? 'works' : 'work'}.`;
}

/** Beats that may be missed before a worker counts as silent. */
const SILENT_MS = 10_000;

export function isSilent(worker: Worker, nowMs: number): boolean {
  return nowMs - Date.parse(worker.last_beat) > SILENT_MS;
}

/** When it was last heard of. */
export function beatText(worker: Worker, nowMs: number): { readonly text: string; readonly silent: boolean } {
  const age = shortAge(worker.last_beat, nowMs);
  if (worker.lost) return { text: `lost, ${age}`, silent: true };
  const silent = isSilent(worker, nowMs);
  return { text: silent ? `${age}, silent` : age, silent };
}

/** What it can execute, where that is not everything. */
export function functionsText(worker: Worker): { readonly text: string; readonly title: string } {
  const { functions } = worker;
  if (functions.length === 0) return { text: '', title: 'It can execute all workflows of this server' };
  return { text: `, ${counted(functions.length, 'function')}`, title: `It can execute ${functions.join(', ')}` };
}

/** How a worker takes part in a run: as w3, 2 tasks, 5 held. */
export function runPartText(run: Worker['runs'][number]): string {
  const words = [counted(run.running, 'task')];
  if (run.number !== null) words.unshift(`as ${workerName(run.number)}`);
  if (run.claims !== null && run.claims > run.running) words.push(`${count(run.claims)} held`);
  return words.join(', ');
}

/** What may be said of its slots on hover. */
export function slotsTitle(worker: Worker): string {
  const leaked = worker.leaked > 0 ? `, ${count(worker.leaked)} lost to bodies that do not return` : '';
  return `${count(worker.busy)} of ${counted(worker.slots, 'slot')} busy${leaked}`;
}

/** What a worker makes ready before it can execute a run's tasks: 'preparing requirements.txt for 12 s, 34.0 MiB so far'. */
export function preparingText(one: NonNullable<Worker['preparing']>[number], nowMs: number): string {
  const size = one.bytes > 0 ? `, ${bytesText(one.bytes)} so far` : '';
  return `preparing ${one.name} for ${shortAge(one.since, nowMs)}${size}`;
}
