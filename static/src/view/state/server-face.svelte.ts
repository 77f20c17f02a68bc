// What the service is: requested once per page load, when it is first needed.

import type { Api } from '../../api/client';
import type { Server } from '../../api/schema';

/** Used until the service has answered, and where it does not: a process alone. */
const alone: Server = { shared: false, worker_command: 'dagscope serve', program: 'dagscope', place: '' };

export class ServerFace {
  readonly #api: Api;
  readonly #track: <T>(work: Promise<T>) => Promise<T>;
  #server: Server = $state.raw(alone);
  #loading: Promise<void> | undefined;

  constructor(api: Api, track: <T>(work: Promise<T>) => Promise<T>) {
    this.#api = api;
    this.#track = track;
  }

  /** Several processes share the runs. */
  get shared(): boolean {
    return this.#known.shared;
  }

  /** Starts one more worker. */
  get workerCommand(): string {
    return this.#known.worker_command;
  }

  /** A command of the program that finds the runs of this server, from any folder; words are quoted already. */
  command(words: string): string {
    const { program, place } = this.#known;
    return [program, words, place].filter((part) => part !== '').join(' ');
  }

  get #known(): Server {
    this.#loading ??= this.#track(this.#load());
    return this.#server;
  }

  async #load(): Promise<void> {
    try {
      this.#server = await this.#api.server();
    } catch {
      // Then what only shared runs have is not shown.
    }
  }
}
