import { describe, expect, it } from 'vitest';

import type { RangeFigures } from '../../../src/model/range-figures';
import { phaseRows, rangeFacts } from '../../../src/view/state/range-rows';

const phases = { queueNs: 40, waitNs: 0, fetchNs: 10, executeNs: 20, storeNs: 0, updateNs: 0 };
const traffic = { movedBytes: 2048, keptBytes: 0, inlineBytes: 0, edges: 3, unsized: 1 };
const figures: RangeFigures = {
  attempts: 1200,
  failed: 2,
  functions: [],
  phases,
  busyNs: 3e9,
  slotNs: 4e9,
  traffic,
  outputBytes: 1024,
  unsized: 0,
};

function said(more: Partial<RangeFigures>): string[] {
  return rangeFacts({ ...figures, ...more }).map(({ text }) => text.replaceAll('\u00a0', ' '));
}

describe('the figures of a range', () => {
  it('are said in a few words, with what is not known', () => {
    expect(said({})).toEqual([
      '75 %: 3.00 s of 4.00 s',
      '1,200, 2 failed',
      '2.00 KiB moved, over 3 edges, 1 of unknown size',
      '1.00 KiB',
    ]);
    expect(said({ unsized: 3 })[3]).toBe('1.00 KiB, and 3 of unknown size');
  });

  it('never say 0 for what is not known', () => {
    const unknown = { ...traffic, movedBytes: 0, unsized: 3 };
    expect(said({ traffic: unknown, slotNs: 0, outputBytes: 0, unsized: 4 })).toEqual([
      'no slots',
      '1,200, 2 failed',
      'over 3 edges, how much is not known',
      'not known of 4 outputs',
    ]);
    expect(said({ traffic: undefined })[2]).toBe('too many edges to add up here');
  });

  it('have bars in shares of the longest phase', () => {
    expect(phaseRows(phases).map(({ name, share }) => `${name} ${share}`)).toEqual([
      'queue 1',
      'wait 0',
      'fetch 0.25',
      'execute 0.5',
      'store 0',
      'update 0',
    ]);
  });
});
