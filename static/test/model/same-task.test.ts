import { describe, expect, it } from 'vitest';

import { nsBetween } from '../../src/model/same-task';

describe('the time between moments', () => {
  it('has nanoseconds', () => {
    expect(nsBetween('2026-03-01T12:00:00.123456789Z', '2026-03-01T12:00:01.123456791Z')).toBe(1_000_000_002);
    expect(nsBetween('2026-03-01T12:00:01Z', '2026-03-01T12:00:00.999999999Z')).toBe(-1);
    expect(nsBetween('2026-03-01T12:00:00.5Z', '2026-03-01T13:00:00.6+01:00')).toBe(100_000_000);
  });
});
