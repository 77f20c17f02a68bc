import { expect, test } from 'vitest';

import { lanesOf } from '../../src/model/run-lanes';
import { peakSlots, presencesOf, slotsAt } from '../../src/model/presence';
import { tableOf } from '../fake/table-of';

const LOST = 0x10000;

test('a worker that was cut off and came back has lanes twice, and slots once', () => {
  const table = tableOf(
    [
      { node: 0, worker: 0, slot: 0, claimedNs: 5, startedNs: 5, updatedNs: 50, outcome: 5 },
      { node: 1, worker: 0, slot: 1, claimedNs: 5, startedNs: 5, updatedNs: 50, outcome: 5 },
      { node: 0, worker: 1, slot: 0, claimedNs: 55, startedNs: 55, updatedNs: 90, outcome: 1, attempt: 2 },
      { node: 1, worker: 1, slot: 1, claimedNs: 55, startedNs: 55, updatedNs: 90, outcome: 1, attempt: 2 },
      { node: 2, worker: 2, slot: 0, claimedNs: 1, startedNs: 1, updatedNs: 90, outcome: 1 },
    ],
    {
      ended: true,
      nowNs: 100,
      marks: [
        { kind: 1, atNs: 0, value: 0 },
        { kind: 3, atNs: 4, value: 0 },
        { kind: 4, atNs: 50, value: LOST },
        { kind: 3, atNs: 50, value: 1 },
        { kind: 4, atNs: 95, value: 1 },
      ],
    },
  );
  const lanes = lanesOf(table);
  expect(lanes.lanes).toHaveLength(5);
  expect(presencesOf(table).get(0)).toEqual({ fromNs: 4, toNs: 50, lost: true });
  expect(presencesOf(table).get(1)).toEqual({ fromNs: 50, toNs: 95, lost: false });
  expect(presencesOf(table).get(2)).toBeUndefined(); // the log does not say, so it took part all the time
  expect([0, 4, 49, 60, 96].map((ns) => slotsAt(table, lanes, ns))).toEqual([1, 3, 3, 3, 1]);
  expect(peakSlots(table, lanes)).toBe(3);
});
