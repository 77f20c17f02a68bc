// What a link to a run carries, and which page a path is of. parse(format(x)) is x, defaults are left out, unknown values
// dropped. Codecs of other pages live with them.

import { type Clock, isClock } from './clock-format';
import { isMetric, type Metric } from './metric';
import type { TimeRange } from './range-figures';
import { formatWhatIf, parseWhatIf } from './what-if';

/** Which page a path is of. */
export type Route =
  | { readonly page: 'runs' }
  | { readonly page: 'run'; readonly run: string }
  | { readonly page: 'compare'; readonly base: string; readonly run: string }
  | { readonly page: 'insights' }
  | { readonly page: 'workers' }
  | { readonly page: 'unknown'; readonly path: string };

/** The page of a URL below a base path ("" or "/x"). */
export function parseRoute(url: URL, basePath: string): Route {
  const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : url.pathname;
  const [first = '', second, third] = path.split('/').filter((part) => part !== '');
  if (third === undefined && first === 'runs' && second !== undefined) return { page: 'run', run: decoded(second) };
  const pair = third === undefined && first === 'compare' ? /^(.+?)\.\.\.(.+)$/.exec(decoded(second ?? '')) : null;
  if (pair) return { page: 'compare', base: pair[1]!, run: pair[2]! };
  if (second === undefined && (first === '' || first === 'runs')) return { page: 'runs' };
  if (second === undefined && (first === 'insights' || first === 'workers')) return { page: first };
  return { page: 'unknown', path };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not made by us: shown as it is, and not found
  }
}

/** The path of the page that compares a run with its base, without base path. The base may be last-good or last-N. */
export function comparePath(base: string, run: string): string {
  return `/compare/${encodeURIComponent(base)}...${encodeURIComponent(run)}`;
}

/** Ways to colour tasks: on the page of a run, and on one that compares two. */
export const runColourModes = ['state', 'function', 'worker', 'rank', 'duration', 'cpu', 'memory', 'slack'] as const;
export const compareColourModes = ['ratio', 'state', 'function', 'slack'] as const;
export type ColourMode = (typeof runColourModes)[number] | (typeof compareColourModes)[number];

export const runTabs = ['statistics', 'path', 'edges', 'events', 'tasks', 'what-if', 'range', 'file'] as const;
export type RunTab = (typeof runTabs)[number];

/** Which past runs a run is compared with: those like it, or all of its workflow. */
export const peerScopes = ['same', 'workflow'] as const;
export type PeerScope = (typeof peerScopes)[number];

export const twins = ['none', 'graph', 'lanes', 'ribbon'] as const;
export type Twin = (typeof twins)[number];

/** What a link to a run page carries apart from the run. */
export interface RunUrl {
  /** Playhead; null is live, or the end of a finished run. */
  readonly atNs: number | null;
  /** Selected task, null for none. */
  readonly node: number | null;
  readonly mode: ColourMode;
  readonly tab: RunTab;
  readonly metric: Metric;
  readonly criticalPath: boolean;
  /** Graph: scale and offset; null shows all of it. */
  readonly graph: { readonly kx: number; readonly ky: number; readonly ox: number; readonly oy: number } | null;
  /** Lanes: the window of time; null shows all of it. */
  readonly lanes: TimeRange | null;
  /** Lanes: the stretch of time that figures are of; null for none. */
  readonly range: TimeRange | null;
  /** Lanes: gaps without work are folded. */
  readonly folds: boolean;
  /** Null leaves it to what the reader chose last. */
  readonly clock: Clock | null;
  /** The table that stands in for a canvas. */
  readonly tableTwin: Twin;
  readonly peers: PeerScope;
  /** The question of the what-if tab, as formatWhatIf writes it. */
  readonly whatIf: string;
}

export const runUrlDefaults: RunUrl = {
  atNs: null,
  node: null,
  mode: 'state',
  tab: 'statistics',
  metric: 'execute_ns',
  criticalPath: false,
  graph: null,
  lanes: null,
  range: null,
  folds: false,
  clock: null,
  tableTwin: 'none',
  peers: 'same',
  whatIf: '',
};

/** What the links of a page with pictures of runs have in common with those of the others, and what not. */
export interface PageChoices {
  readonly modes: readonly ColourMode[];
  readonly defaults: RunUrl;
}

export const runPage: PageChoices = { modes: runColourModes, defaults: runUrlDefaults };
export const comparePage: PageChoices = { modes: compareColourModes, defaults: { ...runUrlDefaults, mode: 'ratio' } };

export function parseRunUrl(url: URL, page: PageChoices = runPage): RunUrl {
  const query = url.searchParams;
  const clock = query.get('clock');
  const metric = query.get('metric');
  return {
    atNs: parseSeconds(query.get('t')),
    node: parseWhole(query.get('task')),
    mode: oneOf(page.modes, query.get('mode'), page.defaults.mode),
    tab: oneOf(runTabs, query.get('tab'), runUrlDefaults.tab),
    metric: isMetric(metric) ? metric : runUrlDefaults.metric,
    criticalPath: query.get('cp') === '1',
    graph: parseGraph(query),
    lanes: parseRange(query.get('window')),
    range: parseRange(query.get('range')),
    folds: query.get('gaps') === 'folded',
    clock: isClock(clock) ? clock : null,
    tableTwin: oneOf(twins, query.get('table'), runUrlDefaults.tableTwin),
    peers: oneOf(peerScopes, query.get('peers'), runUrlDefaults.peers),
    whatIf: formatWhatIf(parseWhatIf(query.get('whatif') ?? '')),
  };
}

/** The query of a link, with its question mark; empty where all is at its default. */
export function formatRunUrl(state: RunUrl, page: PageChoices = runPage): string {
  const query = new URLSearchParams();
  if (state.atNs !== null) query.set('t', formatSeconds(state.atNs));
  if (state.node !== null) query.set('task', String(state.node));
  if (state.mode !== page.defaults.mode) query.set('mode', state.mode);
  if (state.tab !== runUrlDefaults.tab) query.set('tab', state.tab);
  if (state.metric !== runUrlDefaults.metric) query.set('metric', state.metric);
  if (state.criticalPath) query.set('cp', '1');
  if (state.graph !== null) {
    query.set('k', `${state.graph.kx},${state.graph.ky}`);
    query.set('ox', String(state.graph.ox));
    query.set('oy', String(state.graph.oy));
  }
  if (state.lanes !== null) query.set('window', formatRange(state.lanes));
  if (state.range !== null) query.set('range', formatRange(state.range));
  if (state.folds) query.set('gaps', 'folded');
  if (state.clock !== null) query.set('clock', state.clock);
  if (state.tableTwin !== 'none') query.set('table', state.tableTwin);
  if (state.peers !== runUrlDefaults.peers) query.set('peers', state.peers);
  if (state.whatIf !== '') query.set('whatif', state.whatIf);
  return queryText(query);
}

function queryText(query: URLSearchParams): string {
  const text = query.toString().replaceAll('%2C', ',');
  return text === '' ? '' : `?${text}`;
}

function oneOf<T extends string>(values: readonly T[], given: string | null, otherwise: T): T {
  return values.find((value) => value === given) ?? otherwise;
}

function parseWhole(text: string | null): number | null {
  if (text === null || !/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value < 0xffffffff ? value : null;
}

/** Whole ns as seconds with up to nine places, exact: 13.4 is 13,400,000,000 ns. */
function formatSeconds(ns: number): string {
  const whole = Math.round(ns);
  const seconds = Math.floor(whole / 1e9);
  const rest = String(whole - seconds * 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return rest === '' ? String(seconds) : `${seconds}.${rest}`;
}

function parseSeconds(text: string | null): number | null {
  const match = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(text ?? '');
  if (match === null) return null;
  return Number(match[1]) * 1e9 + Number((match[2] ?? '').padEnd(9, '0'));
}

function formatRange({ fromNs, toNs }: TimeRange): string {
  return `${formatSeconds(fromNs)},${formatSeconds(toNs)}`;
}

function parseRange(text: string | null): TimeRange | null {
  const [from, to, more] = (text ?? '').split(',');
  const fromNs = parseSeconds(from ?? null);
  const toNs = parseSeconds(to ?? null);
  if (fromNs === null || toNs === null || more !== undefined || toNs <= fromNs) return null;
  return { fromNs, toNs };
}

function parseGraph(query: URLSearchParams): RunUrl['graph'] {
  const [kx = NaN, ky = NaN] = (query.get('k') ?? '').split(',').map(finite);
  const ox = finite(query.get('ox'));
  const oy = finite(query.get('oy'));
  return kx > 0 && ky > 0 && !Number.isNaN(ox + oy) ? { kx, ky, ox, oy } : null;
}

function finite(text: string | null): number {
  const value = text === null || text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : NaN;
}
