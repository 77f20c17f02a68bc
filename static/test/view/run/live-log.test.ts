import { describe, expect, it } from 'vitest';

import type { TaskLog } from '../../../src/api/schema';
import { extended, LiveLog } from '../../../src/view/state/live-log.svelte';

const part = (more: Partial<TaskLog>): TaskLog => ({
  state: 'running',
  epoch: 0,
  attempt: 1,
  text: '',
  missed: 0,
  next: '0.1.1',
  ...more,
});

describe('extended', () => {
  it.each([
    ['', { text: 'a\nb', missed: 0 }, 'a\nb'],
    ['a', { text: 'b\n', missed: 0 }, 'ab\n'],
    ['a', { text: 'b\n', missed: 7 }, 'a\n(7 bytes are left out here)\nb\n'],
    ['a\n', { text: 'b', missed: 7 }, 'a\n(7 bytes are left out here)\nb'],
    ['\n', { text: '\n', missed: 0 }, '\n\n'],
  ])('%j and %j', (text, added, want) => {
    expect(extended(text, added)).toBe(want);
  });

  it('keeps the last lines', () => {
    const lines = Array.from({ length: 600 }, (_, i) => `${String(i)}\n`).join('');
    expect(extended(lines, { text: 'x', missed: 0 }).split('\n')).toHaveLength(500);
    expect(extended(lines, { text: '', missed: 0 }).startsWith('100\n')).toBe(true);
    expect(extended('', { text: 'y'.repeat(100_000), missed: 0 })).toHaveLength(64 << 10);
  });
});

describe('LiveLog', () => {
  it('asks with the position of each answer until the attempt has ended', async () => {
    const answers = [part({ text: 'a\n', next: '0.1.2' }), part({ state: 'ended', text: 'b', next: '' })];
    const asked: (string | undefined)[] = [];
    const log = new LiveLog();
    const api = {
      taskLog: (_run: string, _node: number, query: { readonly after?: string } = {}) => {
        asked.push(query.after);
        return Promise.resolve(answers.shift()!);
      },
    };
    await log.follow(api, 'r', 3, new AbortController().signal);
    expect(asked).toEqual(['', '0.1.2']);
    expect(log.text).toBe('a\nb');
  });

  it('says that only the worker has it', async () => {
    const log = new LiveLog();
    await log.follow(
      { taskLog: () => Promise.resolve(part({ state: 'elsewhere' })) },
      'r',
      3,
      new AbortController().signal,
    );
    expect(log.elsewhere).toBe(true);
  });
});
