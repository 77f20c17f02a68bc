import { describe, expect, it } from 'vitest';

import { type Lead, leadOf } from '../../../src/view/pages/insights/lead';
import { historyPart } from './history-part';

const text = (spans: Lead['first']): string =>
  spans
    .map((span) => span.text)
    .join('')
    .replaceAll('\u00a0', ' ');

describe('the sentence of the insights', () => {
  it('names what takes most, and what is most uneven', () => {
    const parts = [historyPart('mAdd', 30, 3e9, 9e9), historyPart('mShrink', 30, 1e9, 1.1e9)];
    const lead = leadOf('execute_ns', parts, undefined, undefined);
    expect(text(lead.first)).toBe('mAdd takes 75 % of all execute time: median 3.00 s, p95 9.00 s, over 30 tasks.');
    expect(text(lead.second)).toBe('Most uneven is mAdd: its p95, 9.00 s, is 3.0× its median.');
    expect(lead.first[0]).toEqual({ text: 'mAdd', key: 'mAdd' });
  });

  it('says so where nothing stands out', () => {
    const parts = [historyPart('a', 30, 1e9, 1.1e9), historyPart('b', 30, 1e9, 1.1e9)];
    expect(text(leadOf('execute_ns', parts, undefined, undefined).second)).toContain('No function is uneven');
    expect(text(leadOf('execute_ns', parts, parts, parts).first)).toContain('Nothing moved by more than 5 %');
    expect(text(leadOf('execute_ns', [], undefined, undefined).first)).toContain('No task');
  });

  it('does not take a median of zero for too few tasks', () => {
    const zeros = [historyPart('pass', 1000, 0, 2e3, { sum: 8e5, max: 3e3 })];
    const lead = leadOf('execute_ns', zeros, undefined, undefined);
    expect(text(lead.first)).toContain('p95 2.00 µs, over 1,000 tasks');
    expect(text(lead.second)).toBe('Most uneven is pass: its p95 is 2.00 µs, where its median is 0.');
    const few = [historyPart('pass', 5, 0, 2e3, { sum: 8e5, max: 3e3 })];
    expect(text(leadOf('execute_ns', few, undefined, undefined).second)).toContain('too few tasks');
  });

  it('names a single task that has most of the time, which no quantile shows', () => {
    const one = [
      historyPart('pass', 1000, 1e3, 1e3, { sum: 1e15 + 999e3, max: 1e15 }),
      historyPart('b', 30, 1e9, 1.1e9),
    ];
    const { second } = leadOf('execute_ns', one, undefined, undefined);
    expect(text(second)).toBe('One task has most of pass: 11d 14h, > 99 % of the execute time of 1,000 tasks.');
  });

  it('says in the words of the metric that all is zero', () => {
    const none = [historyPart('a', 30, 0, 0)];
    expect(text(leadOf('fetch_ns', none, undefined, undefined).first)).toBe(
      'No task took any fetch time: every value is 0.',
    );
    expect(text(leadOf('stored_bytes', none, undefined, undefined).first)).toBe(
      'No task has any stored bytes: every value is 0.',
    );
  });

  it('leads with the change that costs most, not with the greatest factor', () => {
    const before = [historyPart('big', 100, 1e9, 2e9), historyPart('small', 100, 1e3, 2e3)];
    const after = [historyPart('big', 100, 1.2e9, 2.5e9), historyPart('small', 100, 5e3, 9e3)];
    const lead = leadOf('fetch_ns', after, before, after);
    expect(text(lead.first)).toBe('big is 1.20× slower in fetch than before: p95 went from 2.00 s to 2.50 s.');
    expect(text(lead.second)).toBe('Also: small 5.00×.');
  });

  it('speaks of sizes as larger, and of what fell by its inverse', () => {
    const before = [historyPart('a', 100, 4096, 8192)];
    const after = [historyPart('a', 100, 2048, 4096)];
    expect(text(leadOf('output_bytes', after, before, after).first)).toBe(
      'a is 2.00× smaller in output than before: p95 went from 8.00 KiB to 4.00 KiB.',
    );
  });

  it('has nothing to compare where the earlier stretch has no such task', () => {
    const after = [historyPart('a', 100, 1, 2)];
    expect(text(leadOf('execute_ns', after, [], after).first)).toContain('nothing to compare');
  });
});
