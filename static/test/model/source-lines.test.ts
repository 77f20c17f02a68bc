import { describe, expect, it } from 'vitest';

import { piecesOf, stepAt, stepOf } from '../../src/model/source-lines';

const steps = [
  { path: 'count', from: 2, to: 4 },
  { path: 'each', from: 5, to: 9 },
  { path: 'each.count', from: 7, to: 8 },
];

describe('the file of a workflow', () => {
  it('has the step of a function, the innermost of those that it may be of', () => {
    expect(stepOf(steps, 'count')?.from).toBe(2);
    expect(stepOf(steps, 'each.count')?.from).toBe(7);
    expect(stepOf(steps, 'each.count.elements')?.from).toBe(7);
    expect(stepOf(steps, 'each.result')?.from).toBe(5);
    expect(stepOf(steps, 'counts')).toBeUndefined();
    expect(stepOf(steps, 'result')).toBeUndefined();
  });

  it('has the step of a line, the innermost', () => {
    expect([1, 2, 4, 5, 7, 9, 10].map((line) => stepAt(steps, line)?.path)).toEqual([
      undefined,
      'count',
      'count',
      'each',
      'each.count',
      'each',
      undefined,
    ]);
  });

  it('tells keys, texts, expressions and comments apart', () => {
    const kinds = (line: string) => piecesOf(line).map(({ kind, text }) => [kind, text]);
    expect(kinds('    run: seq "${{ params.n }}" # how many')).toEqual([
      ['plain', '    '],
      ['key', 'run'],
      ['plain', ': seq '],
      ['text', '"'],
      ['expression', '${{ params.n }}'],
      ['text', '"'],
      ['comment', ' # how many'],
    ]);
    expect(kinds('# a: comment')).toEqual([['comment', '# a: comment']]);
    expect(kinds('      echo a#b')).toEqual([['plain', '      echo a#b']]);
    expect(kinds('- name: x')).toEqual([
      ['plain', '- '],
      ['key', 'name'],
      ['plain', ': x'],
    ]);
    expect(kinds('')).toEqual([]);
  });

  it('loses nothing of a line', () => {
    const lines = [
      "  a: \"x\\\"y\" 'it''s' ${{ a }}${{ b }} # c",
      "unclosed 'text ${{ x",
      '\t',
      'key:',
      '"a b": [1, "#2"]',
    ];
    for (const line of lines) {
      expect(
        piecesOf(line)
          .map(({ text }) => text)
          .join(''),
      ).toBe(line);
    }
  });
});
