import { describe, expect, it } from 'vitest';

import { ServiceClock } from '../../src/model/service-clock';
import { forSeeds } from '../fake/random';

const HOUR = 3600_000;
const header = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toUTCString();

describe('the clock of the service', () => {
  it.each([-HOUR, HOUR, -90_000, 5_000_000_000])('is known within a second where the machine is %d ms off', (offMs) => {
    const clock = new ServiceClock();
    const serviceMs = Date.UTC(2026, 10, 22, 4, 12, 8, 345);
    clock.learn(header(serviceMs), serviceMs + offMs - 40, serviceMs + offMs + 60);
    expect(Math.abs(clock.nowMs(serviceMs + offMs) - serviceMs)).toBeLessThan(1000);
  });

  it('leaves a right clock alone, however late answers come', () => {
    forSeeds(50, (random) => {
      const clock = new ServiceClock();
      let ms = Date.UTC(2026, 0, 1);
      for (let i = 0; i < 40; i++) {
        ms += random.whole(0, 5000);
        clock.learn(header(ms), ms - random.whole(0, 3000), ms + random.whole(0, 3000));
        expect(clock.nowMs(ms)).toBe(ms);
      }
    });
  });

  it('comes closer with each answer, and starts again when a clock was set', () => {
    const clock = new ServiceClock();
    const startMs = Date.UTC(2026, 10, 22);
    for (let ms = startMs; ms < startMs + 60_000; ms += 777) clock.learn(header(ms), ms + HOUR - 20, ms + HOUR + 20);
    expect(Math.abs(clock.nowMs(startMs + HOUR) - startMs)).toBeLessThan(100);
    clock.learn(header(startMs), startMs - HOUR - 20, startMs - HOUR + 20);
    expect(Math.abs(clock.nowMs(startMs - HOUR) - startMs)).toBeLessThan(1000);
  });

  it("is the machine's where answers have no date", () => {
    const clock = new ServiceClock();
    clock.learn(null, 1, 2);
    clock.learn('soon', 1, 2);
    expect(clock.nowMs(5)).toBe(5);
  });
});
