import { describe, expect, test } from 'vitest';

import { clocks } from '../../src/model/clock-format';
import { metrics } from '../../src/model/metric';
import {
  compareColourModes,
  comparePage,
  comparePath,
  formatRunUrl,
  parseRoute,
  parseRunUrl,
  peerScopes,
  type Route,
  runColourModes,
  runTabs,
  runUrlDefaults,
  twins,
} from '../../src/model/url-state';
import { forSeeds, type Random } from '../fake/random';

function at(query: string): URL {
  return new URL(`http://host/x/runs/abc${query}`);
}

function maybe<T>(random: Random, make: () => T): T | null {
  return random.chance(0.5) ? make() : null;
}

describe('a link to a run page', () => {
  test('carries nothing where all is at its default', () => {
    expect(formatRunUrl(runUrlDefaults)).toBe('');
    expect(parseRunUrl(at(''))).toEqual(runUrlDefaults);
  });

  test('has a default of its own on the page that compares runs', () => {
    expect(formatRunUrl(comparePage.defaults, comparePage)).toBe('');
    expect(parseRunUrl(at(''), comparePage).mode).toBe('ratio');
    for (const mode of compareColourModes)
      expect(parseRunUrl(at(formatRunUrl({ ...runUrlDefaults, mode }, comparePage)), comparePage).mode).toBe(mode);
    expect(parseRunUrl(at('?mode=ratio')).mode).toBe('state');
  });

  test('names two runs', () => {
    expect(parseRoute(new URL(`http://host/x${comparePath('a', 'b')}?t=1`), '/x')).toEqual({
      page: 'compare',
      base: 'a',
      run: 'b',
    });
    expect(parseRoute(new URL(`http://host${comparePath('last-20', 'b/c')}`), '')).toMatchObject({ run: 'b/c' });
    for (const path of ['/compare/a', '/compare/a...', '/compare/...b', '/compare'])
      expect(parseRoute(new URL(`http://host${path}`), '')).toMatchObject({ page: 'unknown' });
  });

  test('gives back what it was made from', () => {
    forSeeds(100, (random) => {
      const fromNs = random.whole(0, 1e12);
      const state = {
        atNs: maybe(random, () => random.whole(0, 2 ** 50)),
        node: maybe(random, () => random.whole(0, 0xfffffffe)),
        mode: random.pick(runColourModes),
        tab: random.pick(runTabs),
        metric: random.pick(metrics),
        criticalPath: random.chance(0.5),
        graph: maybe(random, () => ({ kx: random.next() + 0.1, ky: 2, ox: -random.next() * 1e3, oy: 0 })),
        lanes: maybe(random, () => ({ fromNs, toNs: fromNs + random.whole(1, 1e12) })),
        range: maybe(random, () => ({ fromNs, toNs: fromNs + random.whole(1, 1e12) })),
        folds: random.chance(0.5),
        clock: maybe(random, () => random.pick(clocks)),
        tableTwin: random.pick(twins),
        peers: random.pick(peerScopes),
        whatIf: random.pick([
          '',
          'slots=4&workers=2',
          'faster=blur%3D2&no_queue=true',
          'bandwidth=0.5&without_retries=true',
        ]),
      };
      expect(parseRunUrl(at(formatRunUrl(state)))).toEqual(state);
    });
  });

  test('can be read', () => {
    const state = { ...runUrlDefaults, atNs: 13_400_000_000, node: 17, lanes: { fromNs: 0, toNs: 5e8 } };
    expect(formatRunUrl(state)).toBe('?t=13.4&task=17&window=0,0.5');
  });

  test.each([
    't=now',
    't=-3',
    't=1e9',
    'task=mProject',
    'task=4294967295',
    'task=-1',
    'mode=rainbow',
    'tab=secret',
    'metric=execute',
    'cp=yes',
    'k=1,1',
    'k=1,1&ox=5&oy=',
    'k=0,1&ox=5&oy=5',
    'k=Infinity,1&ox=5&oy=5',
    'window=5,4',
    'window=5',
    'window=1,2,3',
    'range=5,4',
    'gaps=none',
    'clock=mars',
    'table=all',
    'unknown=1',
  ])('drops %s', (query) => {
    expect(parseRunUrl(at(`?${query}`))).toEqual(runUrlDefaults);
  });
});

describe('routes', () => {
  test.each<[Route, string]>([
    [{ page: 'runs' }, '/'],
    [{ page: 'run', run: '0abc' }, '/runs/0abc'],
    [{ page: 'run', run: 'a b' }, '/runs/a%20b'],
    [{ page: 'insights' }, '/insights'],
    [{ page: 'workers' }, '/workers'],
    [{ page: 'unknown', path: '/nowhere/at/all' }, '/nowhere/at/all'],
  ])('%j is %s below any base path', (route, path) => {
    for (const base of ['', '/x', '/x/y']) {
      expect(parseRoute(new URL(`http://host${base}${path}`), base)).toEqual(route);
    }
  });

  test('a path that is not ours is unknown', () => {
    expect(parseRoute(new URL('http://host/runs/a/b'), '')).toEqual({ page: 'unknown', path: '/runs/a/b' });
    expect(parseRoute(new URL('http://host/runs/%zz'), '')).toEqual({ page: 'run', run: '%zz' });
    expect(parseRoute(new URL('http://host/runs'), '')).toEqual({ page: 'runs' });
  });
});
