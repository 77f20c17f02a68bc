import { describe, expect, it } from 'vitest';

import { type RunActions, runMenu } from '../../../src/view/pages/runs/run-menu';
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
