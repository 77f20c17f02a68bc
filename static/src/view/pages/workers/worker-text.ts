// The words of the page of workers.

import type { Worker } from '../../../api/schema';
import { count, counted } from '../../../model/format';

/** The sentence on top: how many slots work. */
export function slotsText(workers: readonly Worker[]): string {
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

/** What may be said of its slots on hover. */
export function slotsTitle(worker: Worker): string {
  const leaked = worker.leaked > 0 ? `, ${count(worker.leaked)} lost to bodies that do not return` : '';
  return `${count(worker.busy)} of ${counted(worker.slots, 'slot')} busy${leaked}`;
}
