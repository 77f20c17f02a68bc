import { describe, expect, it } from 'vitest';

import { chosenPair, type RunActions, runMenu } from '../../../src/view/pages/runs/run-menu';
import { runSummary } from './run-summary';

const nothing: RunActions = {
  again: () => undefined,
  cancel: () => undefined,
  tag: () => undefined,
  remove: () => undefined,
  chooseNone: () => undefined,
};

describe('the menu of a run', () => {
  it('offers to delete what has ended, and to cancel what has not', () => {
    const ids = (live: boolean) => runMenu(runSummary({ live, local: true }), nothing).map((item) => item.id);
    expect(ids(false)).toEqual(['again', 'tag', 'delete']);
    expect(ids(true)).toEqual(['again', 'tag', 'cancel']);
  });

  it('says why a run of another process cannot be cancelled from here', () => {
    const cancel = runMenu(runSummary({ live: true, local: false }), nothing).at(-1);
    expect(cancel).toMatchObject({ id: 'cancel', disabled: true, title: expect.stringContaining('Ctrl-C') as string });
  });
});

describe('two chosen runs', () => {
  const at = (run: string, second: number) => runSummary({ run, started_at: `2026-01-01T00:00:0${second}Z` });
  const href = (path: string): string => `/x${path}`;

  it('are compared with the earlier one as the base, in whichever order they stand', () => {
    expect(chosenPair([at('late', 5), at('early', 1)], href)).toBe('/x/compare/early...late');
    expect(chosenPair([at('early', 1), at('late', 5)], href)).toBe('/x/compare/early...late');
  });

  it('are two', () => {
    expect(chosenPair([], href)).toBeUndefined();
    expect(chosenPair([at('a', 1)], href)).toBeUndefined();
    expect(chosenPair([at('a', 1), at('b', 2), at('c', 3)], href)).toBeUndefined();
  });
});
