import { expect, test } from 'vitest';

import { FUNCTION_COLOURS, functionColour, textHash } from '../../src/model/function-colour';
import { ascendingOrder, firstAfter, firstFrom } from '../../src/model/order';
import { forSeeds } from '../fake/random';

test('an order is that of a stable sort', () => {
  forSeeds(50, (random) => {
    const keys = Float64Array.from({ length: random.whole(0, 200) }, (_, i) => {
      return random.chance(0.7) ? i : random.whole(0, 50); // nearly sorted, as logs are, with equal ones
    });
    const want = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
    expect([...ascendingOrder(keys)]).toEqual(want);
  });
});

test('very many keys come in the same order, in whatever order they stand', () => {
  forSeeds(6, (random) => {
    const stretches = random.whole(1, 40);
    const length = random.whole(4_096, 6_000);
    const keys = Float64Array.from({ length }, (_, i) => (i % Math.ceil(length / stretches)) - random.whole(0, 1));
    const want = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b);
    expect([...ascendingOrder(keys)]).toEqual(want);
  });
});

test('bisection finds the first key after a moment, and the first from it on', () => {
  forSeeds(50, (random) => {
    const keys = Float64Array.from({ length: random.whole(0, 30) }, () => random.whole(0, 20)).sort();
    const at = random.whole(-1, 21);
    const indexOf = (is: (key: number) => boolean) => (keys.findIndex(is) < 0 ? keys.length : keys.findIndex(is));
    expect(firstAfter(keys, at)).toBe(indexOf((key) => key > at));
    expect(firstFrom(keys, at)).toBe(indexOf((key) => key >= at));
  });
});

test('neighbouring functions have different colours, the same in every run of a workflow', () => {
  for (const workflow of ['montage', 'wordcount', '']) {
    const colours = Array.from({ length: FUNCTION_COLOURS }, (_, k) => functionColour(workflow, k));
    expect(new Set(colours).size).toBe(FUNCTION_COLOURS);
    expect(functionColour(workflow, FUNCTION_COLOURS)).toBe(colours[0]);
  }
  expect(textHash('foobar')).toBe(0xbf9cf968); // a test vector of FNV-1a
});
