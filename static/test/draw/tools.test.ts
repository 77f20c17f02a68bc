import { beforeAll, describe, expect, it } from 'vitest';

import { fitCanvas, fitRatio } from '../../src/draw/fit-canvas';
import { Hatches } from '../../src/draw/hatches';
import { drawIcon, ICON_SIZE, icons } from '../../src/draw/icons';
import { taskColour } from '../../src/draw/node-colours';
import { iconToken, mixColours, readPalette, registerRoles } from '../../src/draw/palette';
import { cutMiddle, TextMeasurer } from '../../src/draw/text-measurer';
import { taskStates } from '../../src/model/task-state';
import { byState, testPalette } from './frames';
import { asContext, fakeCanvas, RecordingContext, withPaths } from './recording-context';

beforeAll(withPaths);

describe('fitCanvas', () => {
  it('sets the size only when it changes', () => {
    const { canvas } = fakeCanvas();
    expect(fitCanvas(canvas, 300, 150, 2)).toBe(true);
    expect([canvas.width, canvas.height, canvas.style.width]).toEqual([600, 300, '300px']);
    expect(fitCanvas(canvas, 300, 150, 2)).toBe(false);
  });

  it('caps by side and by area', () => {
    expect(fitRatio(300, 150, 2)).toBe(2);
    expect(20_000 * fitRatio(20_000, 10, 2)).toBeCloseTo(8192);
    const ratio = fitRatio(6000, 6000, 3);
    expect(6000 * 6000 * ratio * ratio).toBeLessThanOrEqual(16 * 1024 * 1024 + 1);
  });
});

describe('readPalette', () => {
  it('paints a missing token hot pink and is frozen', () => {
    const palette = readPalette({ getPropertyValue: (name) => (name === '--ink' ? ' #101112 ' : '') });
    expect(palette.ink).toBe('#101112');
    expect(palette.grid).toBe('hotpink');
    expect(palette.mark).toHaveLength(taskStates.length);
    expect(Object.isFrozen(palette)).toBe(true);
    expect(palette.future).toBe(1);
  });

  it('reads computed colours as hexadecimal ones, and the alpha of what lies after the playhead', () => {
    const tokens: Record<string, string> = {
      '--ink': 'rgb(23, 25, 29)',
      '--surface': 'rgb(255, 255, 255)',
      '--fn-0': 'rgb(255, 0, 0)',
      '--grid': 'rgb(1 2 3 / 0.5)',
      '--future': 'rgba(0, 0, 0, 0.26)',
    };
    const palette = readPalette({ getPropertyValue: (name) => tokens[name] ?? '' });
    expect([palette.ink, palette.surface, palette.grid]).toEqual(['#17191d', '#ffffff', 'rgb(1 2 3 / 0.5)']);
    expect(palette.functionsQuiet[0]).toBe('rgb(255,153,153)');
    expect(palette.future).toBe(0.26);
    expect(readPalette({ getPropertyValue: () => '#00000042' }).future).toBe(0.26);
  });

  it('registers as a colour each token that it reads, so that it is resolved for the theme', () => {
    const read = new Set<string>();
    readPalette({ getPropertyValue: (name) => (read.add(name), '') });
    const registered: PropertyDefinition[] = [];
    registerRoles((role) => registered.push(role));
    expect([...registered.map(({ name }) => name), '--font-ui'].sort()).toEqual([...read].sort());
    expect(
      new Set(registered.map(({ syntax, inherits, initialValue }) => `${syntax} ${inherits} ${initialValue}`)),
    ).toEqual(new Set(['<color> true hotpink']));
  });

  it('takes the ink with more contrast on each magnitude', () => {
    const tokens: Record<string, string> = {
      '--ink': '#000000',
      '--ink-on': '#ffffff',
      '--mag-0': '#eeeeee',
      '--mag-6': '#221144',
    };
    const palette = readPalette({ getPropertyValue: (name) => tokens[name] ?? '#808080' });
    expect(palette.onMagnitude[0]).toBe('#000000');
    expect(palette.onMagnitude[6]).toBe('#ffffff');
  });

  it('mixes hexadecimal colours and leaves others alone', () => {
    expect(mixColours('#ff0000', '#ffffff', 0.4)).toBe('rgb(255,153,153)');
    expect(mixColours('#f00', '#fff', 1)).toBe('rgb(255,0,0)');
    expect(mixColours('oklch(1 0 0)', '#fff', 0.4)).toBe('oklch(1 0 0)');
  });

  it('draws lost with the token of skipped, and runs with the nearest state', () => {
    expect(iconToken('lost')).toBe('skipped');
    expect(iconToken('queued')).toBe('pending');
    expect(iconToken('failed')).toBe('failed');
  });
});

describe('TextMeasurer', () => {
  it('measures a text once for each font, and stays bounded', () => {
    const asked: string[] = [];
    const measurer = new TextMeasurer((font, text) => asked.push(font + text) && text.length * 6, 2);
    expect(measurer.width('a', 'one')).toBe(18);
    measurer.width('a', 'one');
    measurer.width('b', 'one');
    expect(asked).toEqual(['aone', 'bone']);
    measurer.width('a', 'two');
    expect(measurer.size).toBeLessThanOrEqual(2);
    measurer.clear();
    expect(measurer.size).toBe(0);
  });

  it('cuts the middle, down to two characters and an ellipsis, then says nothing', () => {
    const measurer = new TextMeasurer((_, text) => text.length * 6);
    expect(measurer.fit('f', 'mBackground', 100)).toBe('mBackground');
    expect(measurer.fit('f', 'mBackground', 43)).toBe('mBa…und');
    expect(measurer.fit('f', 'mBackground', 18)).toBe('m…d');
    expect(measurer.fit('f', 'mBackground', 12)).toBe('');
    expect(cutMiddle('abc', 5)).toBe('abc');
  });
});

describe('what distinguishes a text from others', () => {
  const measurer = new TextMeasurer((_, text) => text.length * 10);

  const name = { text: 'FASTQC_STATS', head: 1, tail: 7 };

  it('is its beginning, or its end, or both where neither alone is of it alone', () => {
    expect(measurer.fitTelling('', name, 200)).toBe('FASTQC_STATS');
    expect(measurer.fitTelling('', name, 85)).toBe('FASTQC_…');
    expect(measurer.fitTelling('', { ...name, head: 9 }, 85)).toBe('…C_STATS');
    expect(measurer.fitTelling('', { ...name, head: 9 }, 75)).toBe('FAS…ATS');
  });

  it('is nothing where there is room for no more than some letters of it', () => {
    expect(measurer.fitTelling('', { ...name, head: 9 }, 45)).toBe('');
  });
});

describe('wordings', () => {
  it('are taken whole: the first that has room, else none', () => {
    const measurer = new TextMeasurer((_, text) => text.length * 6);
    const wordings = ['med. 19 ms', '19 ms'];
    expect(measurer.first('f', wordings, 60)).toBe('med. 19 ms');
    expect(measurer.first('f', wordings, 59)).toBe('19 ms');
    expect(measurer.first('f', wordings, 29)).toBe('');
  });
});

describe('icons', () => {
  it('gives every state a silhouette of its own within its box', () => {
    const shapes = taskStates.map((state) => icons[state].map((shape) => shape.d).join());
    expect(new Set(shapes).size).toBe(taskStates.length);
    for (const shape of Object.values(icons).flat()) {
      const start = /^M(-?[\d.]+) (-?[\d.]+)/.exec(shape.d)!;
      for (const at of [Number(start[1]), Number(start[2])]) {
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(ICON_SIZE);
      }
    }
  });

  it('fills or strokes each shape in the colour given', () => {
    const ctx = new RecordingContext();
    drawIcon(asContext(ctx), 'ready', 0, 0, 10, 'amber');
    expect(ctx.of('stroke')).toHaveLength(1);
    expect(ctx.of('fill')[0]!.fill).toBe('amber');
  });
});

describe('Hatches', () => {
  it('makes one pattern a colour and direction, and falls back to the colour', () => {
    let tiles = 0;
    const hatches = new Hatches(1, () => {
      tiles++;
      return null;
    });
    const ctx = asContext(new RecordingContext());
    expect(hatches.pattern(ctx, 'sky', 'rising')).toBe('sky');
    hatches.pattern(ctx, 'sky', 'rising');
    hatches.pattern(ctx, 'sky', 'falling');
    expect(tiles).toBe(2);
  });
});

describe('taskColour', () => {
  const palette = testPalette();

  it('takes the hue of the function or the worker, and nothing where it is not known', () => {
    expect(taskColour({ ...byState, mode: 'function' }, palette, 1, 0, 0)?.full).toBe('fn-5');
    expect(taskColour({ ...byState, mode: 'worker' }, palette, 1, 1, 0)?.full).toBe('fn-5');
    expect(taskColour({ ...byState, mode: 'worker' }, palette, 1, -1, 0)).toBeNull();
  });

  it('takes the step of the ramp in the modes that show an amount, and nothing where it is not known', () => {
    for (const mode of ['rank', 'duration', 'cpu', 'memory', 'slack'] as const) {
      expect(taskColour({ ...byState, mode, step: () => 6 }, palette, 0, 0, 0)?.full).toBe('mag-6');
      expect(taskColour({ ...byState, mode, step: () => 0 }, palette, 0, 0, 0)).toBeNull();
    }
  });
});
