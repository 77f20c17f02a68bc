// What a link to the list of runs carries.

import { type Period, periods } from '../../state/period';

export const runStatuses = ['running', 'succeeded', 'failed', 'cancelled', 'interrupted', 'paused', 'queued'] as const;
export type RunStatus = (typeof runStatuses)[number];

export const runSorts = ['started', 'makespan', 'tasks', 'bytes', 'workflow', 'status', 'added'] as const;
export type RunSort = (typeof runSorts)[number];

/** What is listed, in which order, from where on. */
export interface RunsQuery {
  readonly text: string;
  readonly workflow: string;
  /** dagscope, that of an imported run, or unknown; empty for all. */
  readonly engine: string;
  /** Empty for all. */
  readonly status: readonly RunStatus[];
  readonly period: Period;
  readonly tag: string;
  readonly sort: RunSort;
  readonly order: 'asc' | 'desc';
  /** Empty for the first page. */
  readonly cursor: string;
}

export const allRuns: RunsQuery = {
  text: '',
  workflow: '',
  engine: '',
  status: [],
  period: 'all',
  tag: '',
  sort: 'started',
  order: 'desc',
  cursor: '',
};

/** Reads a link; what it does not know it drops. */
export function parseRunsUrl(params: URLSearchParams): RunsQuery {
  const one = <T extends string>(name: string, known: readonly T[], otherwise: T): T =>
    known.find((value) => value === params.get(name)) ?? otherwise;
  return {
    text: params.get('q') ?? '',
    workflow: params.get('workflow') ?? '',
    engine: params.get('engine') ?? '',
    status: runStatuses.filter((status) => params.getAll('status').includes(status)),
    period: one('period', periods, allRuns.period),
    tag: params.get('tag') ?? '',
    sort: one('sort', runSorts, allRuns.sort),
    order: one('order', ['asc', 'desc'] as const, allRuns.order),
    cursor: params.get('cursor') ?? '',
  };
}

/** The path of a list, with defaults left out. */
export function formatRunsUrl(query: RunsQuery, launch?: LaunchPrefill): string {
  const params = new URLSearchParams();
  const set = (name: string, value: string, usual: string): void => {
    if (value !== usual) params.append(name, value);
  };
  set('q', query.text, allRuns.text);
  set('workflow', query.workflow, allRuns.workflow);
  set('engine', query.engine, allRuns.engine);
  for (const status of query.status) params.append('status', status);
  set('period', query.period, allRuns.period);
  set('tag', query.tag, allRuns.tag);
  set('sort', query.sort, allRuns.sort);
  set('order', query.order, allRuns.order);
  set('cursor', query.cursor, allRuns.cursor);
  if (launch !== undefined) {
    params.append('launch', launch.workflow);
    for (const [name, value] of Object.entries(launch.set)) params.append(`set.${name}`, value);
  }
  const text = params.toString();
  return text === '' ? '/' : `/?${text}`;
}

/** Another page of the list never survives another question. */
export function changed(query: RunsQuery, change: Partial<RunsQuery>): RunsQuery {
  return { ...query, cursor: '', ...change };
}

/** What the form to launch a run starts with. */
export interface LaunchPrefill {
  readonly workflow: string;
  readonly set: Readonly<Record<string, string>>;
}

/** ?launch=montage&set.columns=5; undefined where a link does not ask for a launch. */
export function parseLaunch(params: URLSearchParams): LaunchPrefill | undefined {
  const workflow = params.get('launch');
  if (workflow === null || workflow === '') return undefined;
  const set: Record<string, string> = {};
  for (const [name, value] of params) if (name.startsWith('set.') && name.length > 4) set[name.slice(4)] = value;
  return { workflow, set };
}
