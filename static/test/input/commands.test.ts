import { describe, expect, it } from 'vitest';

import { chordCaps, chordKey, matchesChord, parseChord, type Chord, type KeyPress } from '../../src/input/chords';
import { CommandRegistry, type Command, type CommandKey } from '../../src/input/commands';

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  return { key, code: '', ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more };
}

function key(
  name: string,
  target: unknown = null,
  more: Partial<CommandKey> = {},
): CommandKey & { prevented: boolean } {
  return {
    ...press(name),
    defaultPrevented: false,
    isComposing: false,
    target,
    prevented: false,
    preventDefault() {
      this.prevented = true;
    },
    ...more,
  };
}

/** Something that is inside an element that any of these words select. */
function inside(...words: string[]) {
  return { closest: (selector: string) => (words.some((word) => selector.includes(word)) ? {} : null) };
}

function command(id: string, chords: Chord[], more: Partial<Command> = {}): Command {
  return { id, title: id, group: 'Run', chords, run: () => undefined, ...more };
}

describe('chords', () => {
  const matches = (chord: Chord, pressed: KeyPress): boolean => matchesChord(parseChord(chord), pressed);

  it('go by what a key means', () => {
    expect(matches('f', press('f'))).toBe(true);
    expect(matches('f', press('F', { shiftKey: true }))).toBe(false);
    expect(matches('Shift+f', press('F', { shiftKey: true }))).toBe(true);
    expect(matches('f', press('f', { ctrlKey: true }))).toBe(false);
    expect(matches('Mod+k', press('k', { ctrlKey: true }))).toBe(true);
    expect(matches('Mod+k', press('k', { metaKey: true }))).toBe(true);
    expect(matches('Space', press(' '))).toBe(true);
    expect(matches('Home', press('Home', { altKey: true }))).toBe(false);
  });

  it('write signs as themselves, whichever Shift a layout needs', () => {
    expect(matches('?', press('?', { shiftKey: true }))).toBe(true);
    expect(matches('/', press('/', { shiftKey: true }))).toBe(true);
    expect(matches('+', press('+'))).toBe(true);
  });

  it('go by place where the place was chosen', () => {
    expect(matches('code:KeyW', press('z', { code: 'KeyW' }))).toBe(true);
    expect(matches('code:KeyW', press('w', { code: 'KeyZ' }))).toBe(false);
  });

  it('are equal where one press means both', () => {
    expect(chordKey('code:KeyW')).toBe(chordKey('w'));
    expect(chordKey('Mod+k')).not.toBe(chordKey('k'));
  });

  it('are shown as caps', () => {
    expect(chordCaps('Mod+Shift+f')).toEqual(['Ctrl', 'Shift', 'f']);
    expect(chordCaps('Mod+k', true)).toEqual(['⌘', 'k']);
    expect(chordCaps('code:KeyW')).toEqual(['w']);
    expect(chordCaps('Space')).toEqual(['space']);
  });
});

describe('CommandRegistry', () => {
  it('runs the command of a chord, and says that it took the press', () => {
    const registry = new CommandRegistry();
    let runs = 0;
    registry.add(command('fit', ['f', '0'], { run: () => runs++ }));
    const pressed = key('f');
    expect(registry.handle(pressed)).toBe(true);
    expect(pressed.prevented).toBe(true);
    expect(registry.handle(key('g'))).toBe(false);
    expect(registry.run('fit')).toBe(true);
    expect(runs).toBe(2);
  });

  it('refuses a second id, and a chord that another has in the same context', () => {
    const registry = new CommandRegistry();
    registry.add(command('fit', ['f']));
    expect(() => registry.add(command('fit', []))).toThrow('fit is taken');
    expect(() => registry.add(command('find', ['f']))).toThrow('f is taken by fit');
    expect(() => registry.add(command('find', ['f'], { context: 'dialog' }))).toThrow('taken by fit');
    registry.add(command('next', ['n'], { context: 'run' }));
    expect(() => registry.add(command('new', ['n'], { context: 'runs' }))).not.toThrow();
  });

  it('chooses among contexts by what can be run now', () => {
    const registry = new CommandRegistry();
    const log: string[] = [];
    let page = 'runs';
    for (const name of ['run', 'runs']) {
      registry.add(
        command(`n-${name}`, ['n'], { context: name, when: () => page === name, run: () => log.push(name) }),
      );
    }
    registry.handle(key('n'));
    page = 'run';
    registry.handle(key('n'));
    expect(log).toEqual(['runs', 'run']);
    expect(registry.run('n-runs')).toBe(false);
  });

  it('rests in fields and with controls that have keys of their own', () => {
    const registry = new CommandRegistry();
    for (const [id, chord] of [
      ['play', 'Space'],
      ['fit', 'f'],
      ['home', 'Home'],
    ] as const) {
      registry.add(command(id, [chord]));
    }
    expect(registry.handle(key('f', inside('textarea')))).toBe(false);
    expect(registry.handle(key(' ', inside('button')))).toBe(false);
    expect(registry.handle(key('f', inside('button')))).toBe(true);
    expect(registry.handle(key('Home', inside('tablist')))).toBe(false);
    expect(registry.handle(key('f', null, { isComposing: true }))).toBe(false);
    expect(registry.handle(key('f', null, { defaultPrevented: true }))).toBe(false);
  });

  it('lists by group in the order of adding, and forgets what was removed', () => {
    const registry = new CommandRegistry();
    registry.add(command('a', ['a']));
    registry.add(command('b', ['b'], { group: 'View' }));
    const remove = registry.add(command('c', ['c']));
    expect(registry.list().map(({ id }) => id)).toEqual(['a', 'c', 'b']);
    remove();
    expect(registry.get('c')).toBeUndefined();
    expect(registry.handle(key('c'))).toBe(false);
    expect(() => registry.add(command('d', ['c']))).not.toThrow();
  });
});
