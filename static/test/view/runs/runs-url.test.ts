import { describe, expect, it } from 'vitest';

import {
  allRuns,
  changed,
  formatRunsUrl,
  parseLaunch,
  parseRunsUrl,
  type RunsQuery,
} from '../../../src/view/pages/runs/runs-url';

const paramsOf = (path: string): URLSearchParams => new URL(path, 'http://x').searchParams;

describe('links to the list of runs', () => {
  it('leaves defaults out', () => {
    expect(formatRunsUrl(allRuns)).toBe('/');
  });

  it('comes back as it was', () => {
    const query: RunsQuery = {
      text: 'a b&c',
      workflow: 'wfformat:montage',
      engine: 'Spark',
      status: ['running', 'failed'],
      period: '7d',
      tag: 'p=4',
      sort: 'makespan',
      order: 'asc',
      cursor: 'eyJ=',
    };
    expect(parseRunsUrl(paramsOf(formatRunsUrl(query)))).toEqual(query);
  });

  it('drops what it does not know', () => {
    const query = parseRunsUrl(paramsOf('/?status=burning&status=failed&period=5y&sort=colour&order=up&x=1'));
    expect(query).toEqual({ ...allRuns, status: ['failed'] });
  });

  it('does not carry a page of one question into another', () => {
    const query = { ...allRuns, cursor: 'c1' };
    expect(changed(query, { workflow: 'gemm' }).cursor).toBe('');
    expect(changed(query, { cursor: 'c2' }).cursor).toBe('c2');
  });

  it('prefills the form to launch, and keeps that along with the filters', () => {
    const launch = { workflow: 'montage', set: { columns: '5', 'odd name': 'a=b' } };
    const path = formatRunsUrl({ ...allRuns, tag: 'x' }, launch);
    expect(parseLaunch(paramsOf(path))).toEqual(launch);
    expect(parseRunsUrl(paramsOf(path)).tag).toBe('x');
    expect(parseLaunch(paramsOf('/?set.n=1'))).toBeUndefined();
  });
});
