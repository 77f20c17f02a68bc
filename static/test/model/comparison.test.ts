import { describe, expect, test } from 'vitest';

import { medianStep, NO_PAIR, ratioProminence, ratioStep } from '../../src/model/colour-steps';
import {
  type ComparedStep,
  type Decomposition,
  differenceText,
  kindsText,
  Pairing,
  type Part,
  partRows,
  type PhaseKey,
  signedDuration,
  tasksOfPart,
} from '../../src/model/comparison';
import { forSeeds } from '../fake/random';

const NO_NODE = 0xffffffff;

function base64(values: Uint32Array | Float32Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(values.buffer)));
}

function pairing(partner: readonly number[], ratio: readonly number[]): Pairing {
  return new Pairing({ partner: base64(new Uint32Array(partner)), ratio: base64(new Float32Array(ratio)) });
}

function part(name: string, phase: PhaseKey, baseNs: number, runNs: number): Part {
  return { function: name, phase, base_ns: baseNs, run_ns: runNs, difference_ns: runNs - baseNs };
}

function decomposition(parts: readonly Part[], restNs = 0): Decomposition {
  const of = (phases: readonly string[]): number =>
    parts.filter((one) => phases.includes(one.phase)).reduce((ns, one) => ns + one.difference_ns, 0);
  return {
    difference_ns: parts.reduce((ns, one) => ns + one.difference_ns, restNs),
    parts,
    rest_ns: restNs,
    waiting_ns: of(['queue', 'unready', 'stood']),
    working_ns: of(['wait', 'fetch', 'execute', 'store', 'update']),
    repeating_ns: of(['again', 'backoff']),
  };
}

function step(node: number, phases: Partial<Record<PhaseKey, number>>): ComparedStep {
  const all = {
    again: 0,
    backoff: 0,
    stood: 0,
    unready: 0,
    queue: 0,
    wait: 0,
    fetch: 0,
    execute: 0,
    store: 0,
    update: 0,
  };
  const named = Object.entries({ ...all, ...phases }).map(([name, ns]) => [`${name}_ns`, ns]);
  return { node, ...Object.fromEntries(named) } as ComparedStep;
}

describe('the pairing of two runs', () => {
  const pairs = pairing([2, NO_NODE, 0], [1.5, Number.NaN, 0.25]);

  test('leads from either run to the other', () => {
    expect([0, 1, 2, 3].map((node) => pairs.baseOf(node))).toEqual([2, -1, 0, -1]);
    expect([0, 1, 2, 3].map((node) => pairs.runOf(node))).toEqual([2, -1, 0, -1]);
  });

  test('gives both tasks of a pair the same ratio, and none to what was added or removed', () => {
    expect([0, 1, 2, 3].map(pairs.ratioOf)).toEqual([1.5, Number.NaN, 0.25, Number.NaN]);
    expect([0, 1, 2].map(pairs.ratioOfBase)).toEqual([0.25, Number.NaN, 1.5]);
  });
});

test('steps of ratios grow with them, and about as long is in the middle', () => {
  expect([0.1, 0.5, 0.79, 0.8, 0.94, 0.95, 1, 1.04, 1.05, 1.25, 2, 99].map(ratioStep)).toEqual([
    1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 7,
  ]);
  expect(ratioStep(Number.NaN)).toBe(NO_PAIR);
});

test('what is far from as long stands out, what has no pair does not', () => {
  expect([0.1, 1, 3, Number.NaN].map((ratio) => ratioProminence(ratioStep(ratio)))).toEqual([3, 0, 3, 0]);
});

test('the median of some tasks is that of those in both runs', () => {
  const of = (...ratios: number[]): number => {
    const counts = new Uint32Array(NO_PAIR + 1);
    for (const ratio of ratios) counts[ratioStep(ratio)]!++;
    return medianStep(counts);
  };
  expect(of(3, Number.NaN, Number.NaN, Number.NaN)).toBe(ratioStep(3));
  expect(of(0.1, 1, 3)).toBe(ratioStep(1));
  expect(of(Number.NaN)).toBe(NO_PAIR);
});

describe('rows of a decomposition', () => {
  test('add up to the difference, however few are shown', () => {
    forSeeds(50, (random) => {
      const parts = Array.from({ length: random.whole(0, 30) }, (_, i) =>
        part(
          `f${i}`,
          random.pick(['queue', 'execute', 'backoff'] as const),
          random.whole(0, 1e9),
          random.whole(0, 1e9),
        ),
      );
      const of = decomposition(parts, random.chance(0.5) ? random.whole(1, 1e6) : 0);
      const rows = partRows(of, random.whole(1, 12));
      expect(rows.reduce((ns, row) => ns + row.differenceNs, 0)).toBe(of.difference_ns);
    });
  });

  test('say what is left', () => {
    const of = decomposition([part('a', 'execute', 1, 9), part('b', 'queue', 1, 5), part('c', 'fetch', 1, 2)], 7);
    expect(partRows(of, 1).map(({ name, differenceNs }) => [name, differenceNs])).toEqual([
      ['a', 8],
      ['2 further parts', 5],
      ['on neither path', 7],
    ]);
  });
});

test('the tasks of a part add up to it, also those on one path alone', () => {
  const pairs = pairing([0, NO_NODE, 2], [1, 1, 1]);
  const blur = part('blur', 'execute', 30, 75);
  const shares = tasksOfPart(
    blur,
    {
      base: [step(0, { execute: 10 }), step(1, { execute: 20 }), step(2, { execute: 500 })],
      run: [step(0, { execute: 40, queue: 3 }), step(1, { execute: 35 }), step(2, { execute: 1 })],
    },
    { base: (node) => (node === 2 ? 'total' : 'blur'), run: (node) => (node === 2 ? 'total' : 'blur') },
    pairs,
  );
  expect(shares).toEqual([
    { base: -1, run: 1, differenceNs: 35 },
    { base: 0, run: 0, differenceNs: 30 },
    { base: 1, run: -1, differenceNs: -20 },
  ]);
  expect(shares.reduce((ns, share) => ns + share.differenceNs, 0)).toBe(blur.difference_ns);
});

/** Text with the spaces that do not break as others. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

describe('in words', () => {
  const slower = decomposition([part('blur', 'execute', 1e9, 3e9), part('total', 'queue', 2e9, 1.5e9)]);

  const names = { base: 'x', run: 'y' };

  test('a difference names the part that explains most of it', () => {
    expect(plain(differenceText(slower, 3e9, { base: 'calm-otter', run: 'icy-dew' }))).toBe(
      'icy-dew took 4.50 s, 1.50 s longer than calm-otter (1.50×), mostly by execute of blur (+ 2.00 s).',
    );
    const less = decomposition([part('blur', 'execute', 3e9, 1e9)]);
    expect(plain(differenceText(less, 4e9, names))).toContain('2.00 s less than x (0.50×), mostly by execute of blur');
  });

  test('it names none where none explains much, and none where there is no difference', () => {
    const many = decomposition(Array.from({ length: 9 }, (_, i) => part(`f${i}`, 'execute', 0, 10)));
    expect(differenceText(many, 100, names)).toContain('no part alone explains it');
    expect(differenceText(decomposition([]), 100, names)).toContain('exactly as long as x');
  });

  test('kinds of phases that did not change are left out', () => {
    expect(plain(kindsText(slower))).toBe('On the critical paths: working + 2.00 s, waiting − 500 ms.');
    expect(kindsText(decomposition([]))).toBe('');
  });

  test('a difference has its sign', () => {
    expect([1e6, -1e6, 0].map((ns) => plain(signedDuration(ns)))).toEqual(['+ 1.00 ms', '− 1.00 ms', '± 0']);
  });
});
