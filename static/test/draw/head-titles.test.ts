import { describe, expect, it } from 'vitest';

import { placeTitles } from '../../src/draw/head-titles';

describe('titles of columns', () => {
  const APART = 8;

  it('stand where they have room', () => {
    const wanted = [
      { x: 0, width: 60 },
      { x: 100, width: 92 },
    ];
    expect(placeTitles(wanted, 300, APART)).toEqual([
      { of: 0, x: 0, room: 92 },
      { of: 1, x: 100, room: 200 },
    ]);
  });

  it('are cut where most of them is left, and not for the sake of the next one', () => {
    const wanted = [
      { x: 0, width: 100 },
      { x: 80, width: 50 },
    ];
    const [first, second] = placeTitles(wanted, 300, APART);
    expect(first).toMatchObject({ of: 0, room: 72 });
    expect(second).toMatchObject({ of: 1, x: 80 });
  });

  it('reach over the next ones where their own room is too small for anything, but not over one that has room', () => {
    const narrow = Array.from({ length: 6 }, (_, i) => ({ x: i * 30, width: 70 }));
    const placed = placeTitles([...narrow, { x: 180, width: 50 }], 400, APART);
    expect(placed.map(({ of }) => of)).toEqual([0, 3, 6]);
    for (const [i, title] of placed.entries()) {
      const next = placed[i + 1];
      if (next)
        expect(title.x + title.room, 'nothing below a title reaches the next').toBeLessThanOrEqual(next.x - APART);
      expect(title.room).toBeGreaterThanOrEqual(title.of === 6 ? 50 : 70);
    }
  });

  it('do not reach over half the picture, however long they are', () => {
    const wanted = Array.from({ length: 20 }, (_, i) => ({ x: i * 50, width: 600 }));
    for (const title of placeTitles(wanted, 1000, APART)) expect(title.room).toBeLessThanOrEqual(200);
  });

  it('move left at the right edge, and are never beyond it', () => {
    expect(placeTitles([{ x: 280, width: 90 }], 300, APART)).toEqual([{ of: 0, x: 210, room: 90 }]);
    const crowded = [
      { x: 180, width: 90 },
      { x: 280, width: 90 },
    ];
    expect(placeTitles(crowded, 300, APART).map(({ of }) => of)).toEqual([0]);
  });
});
