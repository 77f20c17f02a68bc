import { describe, expect, it } from 'vitest';

import { chordText } from '../../../src/view/shell/chord-text';

describe('chords in words', () => {
  it.each([
    ['?', '?'],
    ['+', '+'],
    ['Space', 'space'],
    ['Mod+k', 'Ctrl k'],
    ['Mod++', 'Ctrl +'],
    ['Shift+ArrowLeft', 'Shift ←'],
    ['code:KeyW', 'w'],
    ['code:Digit1', '1'],
    ['Escape', 'Esc'],
  ])('reads %s as %s', (chord, text) => {
    expect(chordText(chord)).toBe(text);
  });
});
