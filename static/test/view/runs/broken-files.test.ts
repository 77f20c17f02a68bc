import { describe, expect, it } from 'vitest';

import type { BrokenFile } from '../../../src/api/schema';
import { brokenText } from '../../../src/view/pages/runs/broken-files';

const mistake = (line: number, column: number, message: string): BrokenFile['mistakes'][number] => ({
  line,
  column,
  message,
});

describe('files of workflows with mistakes', () => {
  it('say where, what, and what is offered meanwhile', () => {
    const text = brokenText({ file: 'p/a.yaml', kept: 'a', mistakes: [mistake(4, 3, 'expected a list')] });
    expect(text).toEqual({
      file: 'p/a.yaml',
      mistakes: [{ at: '4:3', message: 'expected a list' }],
      rest: 'a is offered as it was before.',
    });
  });

  it('have no position where the file cannot be read, and are counted beyond three', () => {
    const mistakes = [0, 1, 2, 3, 4].map((line) => mistake(line, line, `m${String(line)}`));
    const text = brokenText({ file: 'b.yaml', kept: '', mistakes });
    expect(text.mistakes.map(({ at }) => at)).toEqual(['', '1:1', '2:2']);
    expect(text.rest).toBe('2 more mistakes. It is not offered.');
  });
});
