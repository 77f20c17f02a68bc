import { expect, test } from 'vitest';

import { fragmentAddress } from '../../../src/view/state/address';

test('a page that is a file keeps path and query in its fragment', () => {
  const written: string[] = [];
  const location = { hash: '' };
  const take = (_: unknown, __: string, to: string): void => {
    written.push(to);
    location.hash = to;
  };
  const host = { location, history: { pushState: take, replaceState: take } } as unknown as Window;
  const address = fragmentAddress(host, '/runs/r1');
  expect(address.read().pathname).toBe('/runs/r1');
  address.write(new URL('/runs/r1?t=0.5', address.read()), true);
  expect(written).toEqual(['#/runs/r1?t=0.5']);
  expect(address.read().searchParams.get('t')).toBe('0.5');
});
