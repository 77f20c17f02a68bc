import { describe, expect, it } from 'vitest';

import { shortAge, shortDay, shortInstant } from '../../../src/view/state/instant';

const now = Date.parse('2026-11-22T12:00:00Z');
const ago = (seconds: number): string =>
  shortAge(new Date(now - seconds * 1000).toISOString(), now).replaceAll('\u00a0', ' ');

describe('short instants', () => {
  it('has one unit for an age', () => {
    expect([ago(21), ago(60), ago(3599), ago(7200), ago(3 * 86400), ago(1300 * 86400)]).toEqual([
      '21 s',
      '1 min',
      '59 min',
      '2 h',
      '3 d',
      '3 y',
    ]);
  });

  it('says so of a moment that lies ahead, and takes what rounding may put there for now', () => {
    expect([ago(-1), ago(-30), ago(-7200)]).toEqual(['0 s', 'in 30 s', 'in 2 h']);
  });

  it('writes dates of UTC where they are asked for', () => {
    expect(shortInstant('2026-11-22T04:12:08Z', 'utc', now)).toBe('22 Nov, 04:12');
    expect(shortInstant('2023-05-10T04:12:08Z', 'utc', now)).toBe('10 May 2023');
    expect(shortDay('2026-11-22T23:59:59Z', 'utc')).toBe('22 Nov');
  });
});
