// Chords as people read them.

const words: Readonly<Record<string, string>> = {
  Space: 'space',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
  Mod: 'Ctrl',
};

/** 'Mod+ArrowLeft' as 'Ctrl ←'; keys by position ('code:KeyW') by the letter that an English keyboard has there. */
export function chordText(chord: string): string {
  if (chord === '+') return chord;
  return chord
    .split(/(?<=.)\+(?=.)/)
    .map((part) => part.replace(/^code:(Key|Digit)?/, ''))
    .map((part) => words[part] ?? (part.length === 1 && chord.startsWith('code:') ? part.toLowerCase() : part))
    .join(' ');
}
