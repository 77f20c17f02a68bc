import { describe, expect, it } from 'vitest';

import { SearchSources } from '../../../src/view/state/search-sources';

const source = (title: string, hits: number) => ({
  title,
  find: async (text: string) =>
    Array.from({ length: hits }, (_, i) => ({ id: `${title} ${i}`, title: text, detail: '', open: '/' })),
});

describe('search', () => {
  it('asks the page first, then what is always there, and leaves out what finds nothing or fails', async () => {
    const sources = new SearchSources();
    sources.add(source('Runs', 9));
    sources.add(source('Nothing', 0));
    sources.add({ title: 'Broken', find: () => Promise.reject(new Error('away')) });
    const leave = sources.add(source('Tasks', 1));
    const { signal } = new AbortController();
    const found = await sources.find('x', signal);
    expect(found.map((group) => [group.title, group.hits.length])).toEqual([
      ['Tasks', 1],
      ['Runs', 6],
    ]);
    leave();
    expect((await sources.find('x', signal)).map((group) => group.title)).toEqual(['Runs']);
  });
});
