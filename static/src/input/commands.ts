// The registry of commands, from which buttons, menus, keys and the help are all made.

import { chordKey, matchesChord, parseChord, type Chord, type KeyPress, type ParsedChord } from './chords';

/** Something a user can ask for. */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** Heading under which the help lists it. */
  readonly group: string;
  readonly chords: readonly Chord[];
  /** Where its chords hold; '' or left out = everywhere. A chord may mean different things in different contexts. */
  readonly context?: string;
  /** Whether it can be run now; always by default. */
  when?(): boolean;
  run(): void;
}

/** A key press and what it was aimed at, as much of a KeyboardEvent as is needed. */
export interface CommandKey extends KeyPress {
  readonly defaultPrevented: boolean;
  readonly isComposing: boolean;
  readonly target: unknown;
  preventDefault(): void;
}

interface Bound {
  readonly command: Command;
  readonly chord: ParsedChord;
}

const EDITABLE = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]';
/** Things with keys of their own: Space and Enter press them. */
const PRESSABLE = 'button, a[href], summary, label, input, [role=button], [role=tab], [role=menuitem], [role=option]';
/** Things that arrows, Home and End move within. */
const STEPPABLE =
  '[role=tablist], [role=menu], [role=listbox], [role=radiogroup], [role=slider], [role=separator], input';

const PRESSING: ReadonlySet<string> = new Set([' ', 'Enter']);
const STEPPING: ReadonlySet<string> = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End']);

function isInside(target: unknown, selector: string): boolean {
  const element = target as { closest?(selector: string): unknown } | null;
  return typeof element?.closest === 'function' && element.closest(selector) !== null;
}

/** Whether a press belongs to the control it was aimed at, so that no command may take it. */
export function restsWith(key: CommandKey): boolean {
  if (key.defaultPrevented || key.isComposing || isInside(key.target, EDITABLE)) return true;
  if (PRESSING.has(key.key) && isInside(key.target, PRESSABLE)) return true;
  return STEPPING.has(key.key) && isInside(key.target, STEPPABLE);
}

/**
 * The commands of a page. A second command of one id is refused, and so is a chord that another has in the same context
 * or in the one that holds everywhere: what a key does never depends on the order in which parts were loaded.
 */
export class CommandRegistry {
  readonly #commands = new Map<string, Command>();
  readonly #chords = new Map<string, Bound[]>();

  /** Adds a command until the function returned is called. */
  add(command: Command): () => void {
    if (this.#commands.has(command.id)) throw new Error(`expected a new command id, ${command.id} is taken`);
    for (const chord of command.chords) this.#refuseTaken(command, chord);
    this.#commands.set(command.id, command);
    for (const chord of command.chords) {
      const key = chordKey(chord);
      this.#chords.set(key, [...(this.#chords.get(key) ?? []), { command, chord: parseChord(chord) }]);
    }
    return () => this.#remove(command);
  }

  /** Every command, in the order in which groups and then commands were added. */
  list(): Command[] {
    const groups = new Map<string, Command[]>();
    for (const command of this.#commands.values()) {
      groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
    }
    return [...groups.values()].flat();
  }

  get(id: string): Command | undefined {
    return this.#commands.get(id);
  }

  /** Runs a command by its id, if it may be run now; returns whether it was. */
  run(id: string): boolean {
    const command = this.#commands.get(id);
    if (!command || command.when?.() === false) return false;
    command.run();
    return true;
  }

  /** Runs what a press asks for; returns whether it asked for anything. */
  handle(key: CommandKey): boolean {
    if (restsWith(key)) return false;
    for (const bounds of this.#chords.values()) {
      for (const { command, chord } of bounds) {
        if (!matchesChord(chord, key) || command.when?.() === false) continue;
        key.preventDefault();
        command.run();
        return true;
      }
    }
    return false;
  }

  #refuseTaken(command: Command, chord: Chord): void {
    const context = command.context ?? '';
    for (const { command: other } of this.#chords.get(chordKey(chord)) ?? []) {
      const otherContext = other.context ?? '';
      if (context === '' || otherContext === '' || context === otherContext) {
        throw new Error(`expected a free chord for ${command.id}, ${chord} is taken by ${other.id}`);
      }
    }
  }

  #remove(command: Command): void {
    if (this.#commands.get(command.id) !== command) return;
    this.#commands.delete(command.id);
    for (const [key, bounds] of this.#chords) {
      const rest = bounds.filter((bound) => bound.command !== command);
      if (rest.length > 0) this.#chords.set(key, rest);
      else this.#chords.delete(key);
    }
  }
}
