import { describe, expect, it } from 'vitest';

import { GestureMachine, type Drag, type GestureHandler, type PointerSample } from '../../src/input/gestures';
import { zoneAt } from '../../src/input/zones';

function at(x: number, y: number, more: Partial<PointerSample> = {}): PointerSample {
  return { id: 1, x, y, button: 0, shift: false, mod: false, ...more };
}

function recorder() {
  const log: string[] = [];
  const drags: Drag[] = [];
  const handler: GestureHandler = {
    zoneAt: (x) => (x < 100 ? 'left' : 'right'),
    hover: (sample) => log.push(sample ? `hover ${sample.x}` : 'out'),
    click: (_, zone) => log.push(`click ${zone}`),
    doubleClick: (_, zone) => log.push(`double ${zone}`),
    dragStart: () => log.push('start'),
    dragMove: (drag) => drags.push(drag),
    dragEnd: (drag, undone) => log.push(`${undone ? 'undone' : 'end'} ${drag.zone}`),
    pinch: (factor) => log.push(`pinch ${factor.toFixed(1)}`),
  };
  return { log, drags, machine: new GestureMachine(handler) };
}

describe('GestureMachine', () => {
  it('takes a drag that did not move for a click', () => {
    const { machine, log } = recorder();
    machine.down(at(10, 10));
    machine.move(at(12, 11));
    machine.up(at(12, 11), 0);
    expect(log).toEqual(['click left']);
  });

  it('keeps the zone in which a drag began', () => {
    const { machine, log, drags } = recorder();
    machine.down(at(10, 10));
    machine.move(at(50, 10));
    machine.move(at(150, 20));
    machine.up(at(150, 20), 0);
    expect(log).toEqual(['start', 'end left']);
    expect(drags.map(({ dx }) => dx)).toEqual([40, 100]);
    expect(drags[1]).toMatchObject({ zone: 'left', startX: 10, x: 150, dy: 10 });
  });

  it('undoes a drag on Esc, and does not click afterwards', () => {
    const { machine, log } = recorder();
    expect(machine.cancel()).toBe(false);
    machine.down(at(10, 10));
    machine.move(at(60, 10));
    expect(machine.dragging).toBe(true);
    expect(machine.cancel()).toBe(true);
    machine.up(at(60, 10), 0);
    expect(log).toEqual(['start', 'undone left']);
  });

  it('takes two clicks in one place for a double click, three for one more', () => {
    const { machine, log } = recorder();
    for (const ms of [0, 200, 300, 2000]) {
      machine.down(at(10, 10));
      machine.up(at(10, 10), ms);
    }
    expect(log).toEqual(['click left', 'double left', 'click left', 'click left']);
  });

  it('clicks with the first button only', () => {
    const { machine, log } = recorder();
    machine.down(at(10, 10, { button: 1 }));
    machine.up(at(10, 10, { button: 1 }), 0);
    expect(log).toEqual([]);
  });

  it('pinches with two pointers, and neither clicks nor drags', () => {
    const { machine, log, drags } = recorder();
    machine.down(at(0, 0));
    machine.down(at(100, 0, { id: 2 }));
    machine.move(at(200, 0, { id: 2 }));
    machine.up(at(200, 0, { id: 2 }), 0);
    machine.up(at(0, 0), 0);
    expect(log).toEqual(['pinch 2.0']);
    expect(drags).toEqual([]);
  });

  it('hovers only without a button', () => {
    const { machine, log } = recorder();
    machine.move(at(5, 5));
    machine.leave();
    machine.down(at(5, 5));
    machine.leave();
    expect(log).toEqual(['hover 5', 'out']);
  });
});

describe('zoneAt', () => {
  it('answers with the last of the zones that cover a point', () => {
    const under = { id: 'under', left: 0, top: 0, right: 100, bottom: 100 };
    const over = { id: 'over', left: 50, top: 50, right: 100, bottom: 100 };
    expect(zoneAt([under, over], 60, 60)?.id).toBe('over');
    expect(zoneAt([under, over], 10, 60)?.id).toBe('under');
    expect(zoneAt([under, over], 100, 60)).toBeNull();
  });
});
