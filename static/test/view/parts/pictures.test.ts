import { describe, expect, it } from 'vitest';

import { domainOf, logDomainOf, place } from '../../../src/view/parts/axis-scale';
import { linearTicks, logTicks } from '../../../src/view/parts/chart-spec';
import { slotsShape } from '../../../src/view/parts/slots-shape';

describe('small pictures', () => {
  it('keep marks inside, whatever the value', () => {
    expect(place(-5, [0, 10], 100)).toBe(2);
    expect(place(5, [0, 10], 100)).toBe(50);
    expect(place(50, [0, 10], 100)).toBe(98);
    expect(place(10, [1, 100], 100, true)).toBe(50);
    expect(place(0, [1, 100], 100, true)).toBe(2);
    expect(place(1, [1, 1], 100)).toBe(50); // nowhere to put it but in the middle
  });

  it('have room around their values, also around a single one', () => {
    const [low, high] = domainOf([5, 5]);
    expect(low).toBeLessThan(5);
    expect(high).toBeGreaterThan(5);
    expect(domainOf([])).toEqual([0, 1]);
    const [from, to] = logDomainOf([0, 3]);
    expect(from).toBeGreaterThan(0);
    expect(to / from).toBeCloseTo(10, 6);
  });

  it('stack moving slots upon executing ones, to the top where all are busy', () => {
    const { running, busy } = slotsShape({ slots: 4, running: [2, 4], moving: [2, 0] }, 100, 25);
    expect(running).toBe('M0 25L0.0 13.0H50.0L50.0 1.0H100.0V25Z');
    expect(busy).toBe('M0 25L0.0 1.0H50.0L50.0 1.0H100.0V25Z');
  });

  it('never draws beyond its frame, even if more slots worked than are known of', () => {
    const { busy } = slotsShape({ slots: 1, running: [2], moving: [1] }, 10, 25);
    expect(busy).toContain(' 1.0H');
  });
});

describe('ticks', () => {
  it('are powers of ten on a long logarithmic axis, finer on a short one', () => {
    expect(logTicks(0.5, 2000)).toEqual([1, 10, 100, 1000]);
    expect(logTicks(0.9, 30)).toEqual([1, 2, 5, 10, 20]);
    expect(logTicks(600, 950)).toEqual([600, 700, 800, 900]);
    expect(logTicks(0, 5)).toEqual([]);
  });

  it('are round on a linear axis', () => {
    expect(linearTicks(900)).toEqual([0, 200, 400, 600, 800]);
    expect(linearTicks(0)).toEqual([0]);
  });
});
