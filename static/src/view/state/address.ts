// Where the page keeps its address: in the bar of the browser, or in the fragment of a page that is a file.

export interface Address {
  /** Stands in front of a path in a link. */
  readonly prefix: string;
  read(): URL;
  write(next: URL, replace: boolean): void;
}

/** The address of the page itself. */
export function barAddress(host: Window): Address {
  return {
    prefix: '',
    read: () => new URL(host.location.href),
    write: (next, replace) => {
      write(host, next, replace);
    },
  };
}

/** Path and query in the fragment, the only part of its address that a page opened from a file may change. */
export function fragmentAddress(host: Window, start: string): Address {
  return {
    prefix: '#',
    read: () => new URL(host.location.hash.slice(1) || start, 'report:/'),
    write: (next, replace) => {
      write(host, `#${next.pathname}${next.search}`, replace);
    },
  };
}

function write(host: Window, to: URL | string, replace: boolean): void {
  if (replace) host.history.replaceState(null, '', to);
  else host.history.pushState(null, '', to);
}
