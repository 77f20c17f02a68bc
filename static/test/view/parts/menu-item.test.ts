import { expect, test } from 'vitest';

import { menuGroups, type MenuItem } from '../../../src/view/parts/menu-item';

test('entries of a group are together, where the first of them stands', () => {
  const item = (id: string, group?: string): MenuItem => ({
    id,
    label: id,
    run: () => undefined,
    ...(group === undefined ? {} : { group }),
  });
  const groups = menuGroups([item('a', 'x'), item('b', 'y'), item('c'), item('d', 'x')]);
  expect(groups.map(({ group, items }) => [group, ...items.map(({ id }) => id)])).toEqual([
    ['x', 'a', 'd'],
    ['y', 'b'],
    ['', 'c'],
  ]);
});
