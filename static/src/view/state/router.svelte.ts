// Where the page is: the address bar as reactive state, and links followed without loading a page.

import { parseRoute, type Route } from '../../model/url-state';
import { type Address, barAddress } from './address';

/** Takes the base path off a path; undefined where the path lies elsewhere. */
export function withoutBase(base: string, path: string): string | undefined {
  if (base === '') return path;
  if (path === base) return '/';
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined;
}

export interface NavigateOptions {
  /** Take the place of the present entry of the history: for what is typed or dragged. */
  readonly replace?: boolean;
}

/** The address as state. `url` is the whole address, base path included. */
export class Router {
  #url: URL = $state.raw(new URL('http://localhost/'));
  #base: string;
  #window: Window;
  #address: Address;

  constructor(base: string, host: Window, address: Address = barAddress(host)) {
    this.#base = base.replace(/\/+$/, '');
    this.#window = host;
    this.#address = address;
    this.#url = address.read();
  }

  get url(): URL {
    return this.#url;
  }

  get route(): Route {
    return parseRoute(this.#url, this.#base);
  }

  /** The address of a path of the dashboard, as a link needs it. */
  href(path: string): string {
    return this.#address.prefix + this.#base + path;
  }

  /** Goes to a path with query, without base path. The present address does not get a second entry in the history. */
  navigate(path: string, options: NavigateOptions = {}): void {
    const next = new URL(this.#base + path, this.#url);
    if (next.href === this.#url.href) return;
    this.#address.write(next, options.replace === true);
    const turned = next.pathname !== this.#url.pathname;
    this.#url = next;
    if (turned) this.#window.scrollTo(0, 0);
  }

  /** Follows back, forward and links from now on; the function it returns ends that. */
  start(): () => void {
    const moved = (): void => {
      this.#url = this.#address.read();
    };
    const clicked = (event: MouseEvent): void => {
      this.#follow(event);
    };
    this.#window.addEventListener('popstate', moved);
    this.#window.document.addEventListener('click', clicked);
    return () => {
      this.#window.removeEventListener('popstate', moved);
      this.#window.document.removeEventListener('click', clicked);
    };
  }

  #follow(event: MouseEvent): void {
    // Links to fragments are followed by the browser, without loading a page.
    if (event.defaultPrevented || event.button !== 0 || this.#address.prefix !== '') return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.hasAttribute('download') || link.target !== '') return;
    const next = new URL(link.href);
    const path = withoutBase(this.#base, next.pathname);
    if (next.origin !== this.#url.origin || path === undefined || parseRoute(next, this.#base).page === 'unknown')
      return;
    if (next.hash !== '' && next.pathname === this.#url.pathname && next.search === this.#url.search) return;
    event.preventDefault();
    this.navigate(path + next.search + next.hash);
  }
}
