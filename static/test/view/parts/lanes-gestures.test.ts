import { beforeAll, describe, expect, it } from 'vitest';

import { GestureMachine } from '../../../src/input/gestures';
import type { TimeRange } from '../../../src/model/range-figures';
import { lanesGestures } from '../../../src/view/parts/lanes-gestures';
import { stagedLanes } from '../../draw/frames';
import { withPaths } from '../../draw/recording-context';
import { montagePlan, syntheticRun } from '../../draw/synthetic-run';

beforeAll(withPaths);

function held() {
  const run = syntheticRun(montagePlan());
  const { stage, frames, contexts } = stagedLanes(run);
  const done: string[] = [];
  const ranges: TimeRange[] = [];
  const machine = new GestureMachine(
    lanesGestures({
      stage: () => stage,
      atNs: () => 7,
      box: () => ({ left: 0, top: 0 }),
      onselect: (node) => done.push(`select ${node}`),
      onseek: (_, phase) => done.push(`seek ${phase}`),
      onrange: (range) => {
        ranges.push(range);
        stage.setRange(range);
      },
      onhover: () => undefined,
      oncursor: () => undefined,
      onwindow: () => done.push('window'),
    }),
  );
  const at = (x: number, y: number) => ({ id: 1, x, y, button: 0, shift: false, mod: false });
  const areas = new Map(stage.areas().map((area) => [area.id, area]));
  const drag = (fromX: number, toX: number, y: number) => {
    machine.down(at(fromX, y));
    machine.move(at(toX, y));
    return () => machine.up(at(toX, y), 1000);
  };
  return { stage, frames, contexts, machine, done, ranges, areas, drag };
}

describe('a drag on the lanes', () => {
  it('chooses the range between its ends, either way, and leaves the playhead', () => {
    const { stage, ranges, done, drag } = held();
    drag(900, 500, 60)();
    drag(500, 900, 60)();
    expect(ranges[0]).toEqual(ranges[1]);
    expect(ranges[0]).toEqual({ fromNs: Math.round(stage.nsAt(500)), toNs: Math.round(stage.nsAt(900)) });
    expect(done).toEqual([]);
  });

  it('shows the range under way, and puts back what was there when it is undone', () => {
    const { stage, machine, ranges, drag } = held();
    drag(300, 400, 60)();
    const before = stage.range;
    drag(500, 900, 60);
    expect(stage.range?.fromNs).toBe(Math.round(stage.nsAt(500)));
    machine.cancel();
    expect(stage.range).toEqual(before);
    expect(ranges).toHaveLength(1);
  });

  it('moves the playhead on the axis and the ribbon', () => {
    const { areas, ranges, done, drag } = held();
    drag(500, 900, 5)();
    drag(500, 900, areas.get('ribbon')!.top + 20)();
    expect(ranges).toEqual([]);
    expect(done).toEqual(['seek drag', 'seek drop', 'seek drag', 'seek drop']);
  });

  it('lets the rest recede and writes how long the range is; no mark is painted for it', () => {
    const { frames, contexts, stage } = held();
    contexts.marks.calls.length = 0;
    contexts.overlay.calls.length = 0;
    stage.setRange({ fromNs: 1e9, toNs: 3.5e9 });
    frames.run();
    expect(contexts.marks.calls).toHaveLength(0);
    expect(contexts.overlay.texts.map((text) => text.replaceAll('\u00a0', ' '))).toContain('2.50 s');
    expect(contexts.overlay.of('fillRect').filter((call) => call.alpha < 1)).toHaveLength(2);
  });
});
