// What every page is handed: the service, the live stream, the address, the choices that hold everywhere.

import type { Api } from '../../api/client';
import { CommandRegistry } from '../../input/commands';
import type { LiveClient } from '../../live/live-client';
import { type Clock, clocks } from '../../model/clock-format';
import type { Route } from '../../model/url-state';
import type { Address } from './address';
import type { Bootstrap } from './bootstrap';
import { LinkFace } from './link.svelte';
import { Now } from './now.svelte';
import { type Keep, keepOf, recall, remember } from './preference';
import { type NavigateOptions, Router } from './router.svelte';
import { runSource } from './run-search';
import { SearchSources } from './search-sources';
import { ServerFace } from './server-face.svelte';
import { Theme } from './theme.svelte';

const TIME_KEY = 'dagscope.time';

export interface AppDependencies {
  readonly api: Api;
  readonly live: LiveClient;
  readonly bootstrap: Bootstrap;
  readonly host: Window;
  /** Default: the bar of the browser. */
  readonly address?: Address;
  readonly report?: Report;
}

/** That the page is a file with one run, without a service. */
export interface Report {
  readonly run: string;
  /** The run's archive, to be imported elsewhere. */
  archive(): Blob;
}

/** One per page load; pages get it as the prop `app`. It owns the address, the theme, the link and the search sources. */
export class AppState {
  readonly api: Api;
  readonly live: LiveClient;
  /** How the live stream is, reactive. */
  readonly link: LinkFace;
  readonly commands = new CommandRegistry();
  readonly router: Router;
  readonly theme: Theme;
  readonly now: Now;
  readonly search = new SearchSources();
  readonly server: ServerFace;
  readonly version: string;
  /** Undefined where there is a service. */
  readonly report: Report | undefined;
  /** Shown on window.dagscope, for tests from outside; pages add theirs and take them away again. */
  readonly hooks: Record<string, unknown> = {};
  /** window.dagscope.idle() is true when every one of these is. */
  readonly idleChecks = new Set<() => boolean>();

  #timeMode: Clock = $state('relative');
  #said = $state('');
  #keep: Keep;
  #host: Window;
  #pending = 0;

  constructor(deps: AppDependencies) {
    this.#keep = keepOf(deps.host);
    this.api = deps.api;
    this.live = deps.live;
    this.link = new LinkFace(deps.live);
    this.server = new ServerFace(deps.api, (work) => this.track(work));
    this.version = deps.bootstrap.version;
    this.report = deps.report;
    this.router = new Router(deps.bootstrap.base_path, deps.host, deps.address);
    this.theme = new Theme(deps.host.document.documentElement, this.#keep);
    this.now = new Now(() => deps.api.clock.nowMs(Date.now()), deps.host);
    this.#host = deps.host;
    const linked = clocks.find((clock) => clock === this.url.searchParams.get('clock'));
    this.#timeMode = linked ?? recall(this.#keep, TIME_KEY, clocks, 'relative');
    this.idleChecks.add(() => this.#pending === 0);
    this.hooks['idle'] = () => this.idle;
  }

  /** Follows the address and the system's theme, and looks for runs, from now on: for the life of the page. */
  start(): void {
    this.router.start();
    this.theme.watch(this.#host);
    if (this.report === undefined) this.search.add(runSource(this.api));
  }

  get url(): URL {
    return this.router.url;
  }

  get route(): Route {
    return this.router.route;
  }

  href(path: string): string {
    return this.router.href(path);
  }

  navigate(path: string, options?: NavigateOptions): void {
    this.router.navigate(path, options);
  }

  get timeMode(): Clock {
    return this.#timeMode;
  }

  /** Changes how times are written, everywhere and for the next visit. */
  chooseTime(clock: Clock): void {
    this.#timeMode = clock;
    remember(this.#keep, TIME_KEY, clock);
  }

  /** The last thing said to screen readers. */
  get said(): string {
    return this.#said;
  }

  /** Says something in the page's one polite live region. */
  say(text: string): void {
    this.#said = text;
  }

  title(text: string): void {
    this.#host.document.title = text === '' ? 'dagscope' : `${text} – dagscope`;
  }

  /** Reloads the page. */
  reload(): void {
    this.#host.location.reload();
  }

  /** Follows a piece of work, so that idle() waits for it; hands the promise through. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    try {
      return await work;
    } finally {
      this.#pending--;
    }
  }

  /** Nothing is under way: no request, no dirty layer, no animation. */
  get idle(): boolean {
    for (const check of this.idleChecks) if (!check()) return false;
    return true;
  }
}
