import { describe, expect, test } from 'vitest';

import { busySpans, curvePoints, formatWhatIf, parseWhatIf, unchanged } from '../../src/model/what-if';

describe('a question', () => {
  test.each([
    unchanged,
    { ...unchanged, slots: 8, workers: 2, bandwidth: 10 },
    { ...unchanged, faster: { name: 'a=b', times: 2.5 }, withoutRetries: true },
    { ...unchanged, noQueue: true },
  ])('is what its text says: %o', (question) => {
    expect(parseWhatIf(formatWhatIf(question))).toEqual(question);
  });

  test('is written as the API has it', () => {
    expect(formatWhatIf(unchanged)).toBe('');
    expect(formatWhatIf({ ...unchanged, slots: 4, faster: { name: 'blur', times: 2 } })).toBe(
      'slots=4&faster=blur%3D2',
    );
  });

  test.each([
    'slots=0',
    'slots=1.5',
    'slots=5000',
    'workers=x',
    'faster=blur',
    'faster==2',
    'faster=blur%3D0',
    'bandwidth=',
    'no_queue=1',
  ])('leaves out what is out of bounds: %s', (text) => {
    expect(parseWhatIf(text)).toEqual(unchanged);
  });

  test('without queues has no slots', () => {
    expect(formatWhatIf({ ...unchanged, noQueue: true, slots: 3, workers: 2 })).toBe('no_queue=true');
    expect(parseWhatIf('slots=3&no_queue=true').slots).toBeNull();
  });
});

describe('lanes', () => {
  const attempts = { worker: [1, 0, 0, 0], slot: [0, 1, 0, 0], claimed: [5, 0, 50, 0], over: [9, 100, 60, 49.5] };

  test('are in the order of worker and slot, with small gaps closed', () => {
    expect(busySpans(attempts, 100, 50)).toEqual({
      lanes: 3,
      spans: [
        { lane: 0, fromNs: 0, toNs: 60 },
        { lane: 1, fromNs: 0, toNs: 100 },
        { lane: 2, fromNs: 5, toNs: 9 },
      ],
    });
    expect(busySpans(attempts, 100, 1000).spans).toHaveLength(4);
  });

  test('may be none', () => {
    expect(busySpans({ worker: [], slot: [], claimed: [], over: [] }, 1, 10)).toEqual({ lanes: 0, spans: [] });
  });
});

test('the curve is drawn by the logarithm of slots', () => {
  const points = [1, 2, 4].map((slots) => ({ slots, makespan_ns: 80 / slots }));
  expect(curvePoints(points)).toEqual([
    { slots: 1, x: 0, y: 1 },
    { slots: 2, x: 0.5, y: 0.5 },
    { slots: 4, x: 1, y: 0.25 },
  ]);
});
