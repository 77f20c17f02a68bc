import { describe, expect, it } from 'vitest';

import { cpuStep, medianStep, memoryStep, NO_STEP, remembered, STEPS, topMemory } from '../../src/model/colour-steps';

describe('steps of the ramp', () => {
  it('of a CPU share know the half, the whole and several processors', () => {
    expect([0, 0.09, 0.1, 0.5, 0.89, 0.95, 1.5, 4, 64].map(cpuStep)).toEqual([1, 1, 2, 3, 3, 4, 5, 6, 6]);
    expect(cpuStep(Number.NaN)).toBe(NO_STEP);
  });

  it('of peak memory double, and the largest of a run has the last', () => {
    const MiB = 2 ** 20;
    for (const most of [3, 57, 64, 1000]) expect(memoryStep((most * MiB) / topMemory(most * MiB))).toBe(STEPS);
    const top = topMemory(57 * MiB);
    expect([1, 2, 5, 12, 31, 32].map((size) => memoryStep((size * MiB) / top))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(memoryStep(MiB / topMemory(Number.NaN))).toBe(NO_STEP);
  });

  it('have a median, in which what is not known does not count', () => {
    expect(medianStep([9, 0, 0, 0, 0, 0, 0])).toBe(NO_STEP);
    expect(medianStep([9, 2, 1, 0, 0, 0, 0])).toBe(1);
    expect(medianStep([0, 2, 0, 0, 0, 0, 2])).toBe(6);
    expect(medianStep([0, 2, 0, 1, 0, 0, 2])).toBe(3);
  });

  it('are asked for once each, but again while nothing is known', () => {
    let asked = 0;
    let known = false;
    const stepOf = remembered((node) => {
      asked++;
      return known ? node : NO_STEP;
    });
    expect([stepOf(3), stepOf(3), asked]).toEqual([NO_STEP, NO_STEP, 2]);
    known = true;
    expect([stepOf(3), stepOf(3), asked]).toEqual([3, 3, 3]);
  });
});
