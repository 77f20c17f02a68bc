// Whether a run took as long as usual: asked for once it has ended, and again for other peers.

import type { Api } from '../../api/client';
import type { Judgement } from '../../api/schema';
import type { PeerScope } from '../../model/url-state';
import { Resource } from './resource.svelte';

export class JudgedRun {
  readonly #api: Api;
  readonly #run: string;
  readonly resource: Resource<Judgement>;

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#run = run;
    this.resource = new Resource<Judgement>(track);
  }

  /** Compares with those peers; what is shown stays until the answer has come. */
  load(peers: PeerScope): void {
    void this.resource.load((signal) => this.#api.judgement(this.#run, { peers }, signal));
  }
}
