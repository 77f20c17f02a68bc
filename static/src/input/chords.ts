// Chords: how a key press is written, and how one is matched.

type Letter =
  | 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm'
  | 'n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z'; // prettier-ignore
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
type Sign = '?' | '/' | '+' | '-' | '=' | '.' | ',' | '[' | ']' | '<' | '>';
type Named =
  | 'Space'
  | 'Enter'
  | 'Escape'
  | 'Home'
  | 'End'
  | 'PageUp'
  | 'PageDown'
  | 'ArrowLeft'
  | 'ArrowRight'
  | 'ArrowUp'
  | 'ArrowDown';
type Modifier = '' | 'Mod+' | 'Shift+' | 'Alt+' | 'Mod+Shift+' | 'Mod+Alt+' | 'Alt+Shift+';

/**
 * A chord. Letters, digits, signs and names go by what the key means, whatever the layout; `code:KeyW` goes by where
 * the key is, for keys that are chosen by their place. Mod is Control, or Command on a Mac. Signs are written as
 * themselves, without the Shift that some layouts need.
 */
export type Chord = `${Modifier}${Letter | Digit | Named}` | `Mod+${Sign}` | Sign | `code:Key${Uppercase<Letter>}`;

/** The part of a KeyboardEvent that says which chord was pressed. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

export interface ParsedChord {
  readonly kind: 'key' | 'sign' | 'code';
  /** The key as KeyboardEvent has it, letters in lower case; the code for kind code. */
  readonly key: string;
  readonly mod: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
}

export function parseChord(chord: Chord): ParsedChord {
  if (chord.startsWith('code:')) {
    return { kind: 'code', key: chord.slice('code:'.length), mod: false, shift: false, alt: false };
  }
  const modifiers = /^((?:Mod\+|Shift\+|Alt\+)*)(.+)$/.exec(chord);
  const names = modifiers?.[1] ?? '';
  const key = modifiers?.[2] ?? chord;
  const isSign = key.length === 1 && !/[a-z0-9]/.test(key);
  return {
    kind: isSign ? 'sign' : 'key',
    key: key === 'Space' ? ' ' : key,
    mod: names.includes('Mod+'),
    shift: names.includes('Shift+'),
    alt: names.includes('Alt+'),
  };
}

export function matchesChord(chord: ParsedChord, press: KeyPress): boolean {
  const mod = press.ctrlKey || press.metaKey;
  if (mod !== chord.mod || press.altKey !== chord.alt) return false;
  switch (chord.kind) {
    case 'sign':
      return press.key === chord.key;
    case 'code':
      return press.code === chord.key && !press.shiftKey;
    case 'key':
      return (
        (press.key.length === 1 ? press.key.toLowerCase() : press.key) === chord.key && press.shiftKey === chord.shift
      );
  }
}

/** Equal for two chords that the same press would match on the commonest layout. */
export function chordKey(chord: Chord): string {
  const { kind, key, mod, shift, alt } = parseChord(chord);
  const name = kind === 'code' ? key.replace('Key', '').toLowerCase() : key;
  return `${mod ? 'm' : ''}${shift ? 's' : ''}${alt ? 'a' : ''} ${name}`;
}

const SHOWN: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
  ' ': 'space',
};

/** A chord as people read it, one entry a key cap: ['Ctrl', 'K']. */
export function chordCaps(chord: Chord, mac = false): string[] {
  const { kind, key, mod, shift, alt } = parseChord(chord);
  const caps: string[] = [];
  if (mod) caps.push(mac ? '⌘' : 'Ctrl');
  if (alt) caps.push(mac ? '⌥' : 'Alt');
  if (shift) caps.push('Shift');
  caps.push(SHOWN[key] ?? (kind === 'code' ? key.replace('Key', '').toLowerCase() : key));
  return caps;
}
