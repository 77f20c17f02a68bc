// What the service is, asked for once per page load.

import type { Api } from '../../api/client';
import type { Server } from '../../api/schema';

/** Until the service has answered, and where it does not: a process of its own. */
const alone: Server = { shared: false, worker_command: 'dagscope serve', program: 'dagscope', place: '' };

export class ServerFace {
  readonly #api: Api;
  #server: Server = $state.raw(alone);

  constructor(api: Api) {
    this.#api = api;
  }

  /** Several processes share the runs. */
  get shared(): boolean {
    return this.#server.shared;
  }

  /** Starts one more worker. */
  get workerCommand(): string {
    return this.#server.worker_command;
  }

  /** A command of the program that finds the runs of this server, from any folder; words are quoted already. */
  command(words: string): string {
    const { program, place } = this.#server;
    return [program, words, place].filter((part) => part !== '').join(' ');
  }

  async load(): Promise<void> {
    try {
      this.#server = await this.#api.server();
    } catch {
      // What only shared runs have is not shown.
    }
  }
}
