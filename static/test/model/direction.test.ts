import { expect, test } from 'vitest';
import { Api } from '../../src/api/client';
import { parseMessage } from '../../src/live/message';
import { withoutTurning } from '../../src/model/direction';

const marks = ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'];

test('nothing that others have written turns the text around it', async () => {
  for (const mark of marks) {
    expect(withoutTurning(`exe.${mark}gpj`)).toBe('exe.\ufffdgpj');
    const answer = Response.json({ note: `a ${mark} b`, error: { message: mark } });
    const api = new Api('http://host/api/v1', '', () => Promise.resolve(answer));
    expect(await api.run('r')).toMatchObject({ note: 'a \ufffd b', error: { message: '\ufffd' } });
    expect(parseMessage(JSON.stringify({ type: 'closing', reason: mark }))).toEqual({
      type: 'closing',
      reason: '\ufffd',
    });
  }
});

test('text that runs from right to left stays as it is', () => {
  expect(withoutTurning('שלום \u200f(1)')).toBe('שלום \u200f(1)');
});
