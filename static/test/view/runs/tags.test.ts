import { describe, expect, it } from 'vitest';

import { commonTags, readTags, retagged } from '../../../src/view/pages/runs/tags';

describe('tags', () => {
  it('are parted by commas, without blanks and repeats', () => {
    expect(readTags(' nightly, two words ,,nightly')).toEqual(['nightly', 'two words']);
    expect(readTags('')).toEqual([]);
  });

  it('changes the common ones of several runs and keeps what only some have', () => {
    const runs = [{ tags: ['a', 'x'] }, { tags: ['b', 'x'] }];
    const before = commonTags(runs);
    expect(before).toEqual(['x']);
    expect(runs.map((run) => retagged(run.tags, before, ['y']))).toEqual([
      ['a', 'y'],
      ['b', 'y'],
    ]);
  });
});
