import { expect, test } from 'vitest';

import { boundsOf } from '../../../src/model/bounds';
import { boundRows } from '../../../src/view/state/bound-rows';
import { chain } from '../../fake/shapes';
import { simulate } from '../../fake/simulate';

const S = 1e9;

test('every bound is listed with its share of the makespan, and what lies around that', () => {
  const tasks = chain(3, () => ({ executeNs: S, fails: 1, failNs: S / 2, backoffNs: 2 * S }));
  const { index, table, lanes } = simulate({ slots: 2, tasks, submitNs: S / 4, pauses: [[S, 2 * S]] });
  const rows = boundRows(index, boundsOf(index, table, lanes)!);
  const listed = rows.map(({ name, ns }) => [name, ns / S]);
  expect(Object.fromEntries(listed)).toEqual({
    'work ÷ slots': 2.25,
    'longest chain': 3,
    'repeated attempts': 1.5,
    'back-off': 5,
    paused: 1,
    'largest function': 1.5,
    'before the first claim': 0.25,
    makespan: 10.5,
  });
  expect(rows.at(-1)!.share).toBe(1);
  expect(rows[1]!.note).toContain('3 tasks');
});
