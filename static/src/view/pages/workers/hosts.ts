// Workers by the machine that they are on.

import type { Worker } from '../../../api/schema';
import { count, counted } from '../../../model/format';

export interface Host {
  readonly name: string;
  /** Those that live first, by name. */
  readonly workers: readonly Worker[];
}

/** Hosts by name. */
export function hostsOf(workers: readonly Worker[]): Host[] {
  const names = [...new Set(workers.map((worker) => worker.host))].sort();
  return names.map((name) => ({ name, workers: workers.filter((worker) => worker.host === name).sort(inOrder) }));
}

function inOrder(a: Worker, b: Worker): number {
  return Number(a.lost) - Number(b.lost) || (a.name < b.name ? -1 : 1);
}

/** '2 processes, 3 of 8 slots busy, 1 lost'. */
export function hostText(host: Host): string {
  const live = host.workers.filter((worker) => !worker.lost);
  const lost = host.workers.length - live.length;
  const words: string[] = [];
  if (live.length > 0) {
    const slots = live.reduce((sum, worker) => sum + worker.slots, 0);
    const busy = live.reduce((sum, worker) => sum + worker.busy, 0);
    words.push(counted(live.length, 'process', 'processes'), `${count(busy)} of ${counted(slots, 'slot')} busy`);
  }
  if (lost > 0) words.push(live.length > 0 ? `${count(lost)} lost` : `${counted(lost, 'process', 'processes')} lost`);
  return words.join(', ');
}
