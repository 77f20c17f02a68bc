// What a task logs while it is executed: a long poll for as long as it is shown.

import type { Api } from '../../api/client';
import type { TaskLog } from '../../api/schema';
import { isAway } from './resource.svelte';

/** Lines that are kept, and characters of them. */
const LINES = 500;
const CHARACTERS = 64 << 10;
/** The service is asked again after this where it is away. */
const AGAIN_MS = 2_000;

/** The end of a log after a further part of it, bounded; where bytes are missing a line says so. */
export function extended(text: string, part: Pick<TaskLog, 'text' | 'missed'>): string {
  const gap =
    part.missed === 0
      ? ''
      : `${text === '' || text.endsWith('\n') ? '' : '\n'}(${String(part.missed)} bytes are left out here)\n`;
  const all = (text + gap + part.text).slice(-CHARACTERS);
  let from = all.endsWith('\n') ? all.length - 1 : all.length;
  for (let lines = 0; lines < LINES && from >= 0; lines++) from = from === 0 ? -1 : all.lastIndexOf('\n', from - 1);
  return all.slice(from + 1);
}

/** The log of one task that is being executed. */
export class LiveLog {
  #text = $state.raw('');
  #elsewhere = $state(false);

  get text(): string {
    return this.#text;
  }

  /** Only the worker has it, until the attempt ends. */
  get elsewhere(): boolean {
    return this.#elsewhere;
  }

  /** Follows the log until the attempt has ended, nobody can be asked, or the signal is aborted. */
  async follow(api: Pick<Api, 'taskLog'>, run: string, node: number, signal: AbortSignal): Promise<void> {
    let after = '';
    while (!signal.aborted) {
      try {
        const part = await api.taskLog(run, node, { after }, signal);
        this.#text = extended(this.#text, part);
        this.#elsewhere = part.state === 'elsewhere';
        if (part.state === 'elsewhere' || part.state === 'ended') return;
        after = part.next;
      } catch (error) {
        if (!isAway(error)) return; // or the signal was aborted
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
