import { describe, expect, it, test } from 'vitest';

import { functionNames, withoutShared } from '../../src/model/function-names';
import { Random } from '../fake/random';

describe('names without what all of them share', () => {
  test.each([
    ['dots', ['LAB.GENOMICS.SORT', 'LAB.GENOMICS.SPLIT', 'LAB.GENOMICS.END'], ['SORT', 'SPLIT', 'END']],
    ['colons', ['nf:map:sort', 'nf:map:split', 'nf:end'], ['map:sort', 'map:split', 'end']],
    ['double colons', ['lab::qc::fastqc', 'lab::qc::multiqc'], ['fastqc', 'multiqc']],
    ['slashes', ['/opt/bin/sort', '/opt/bin/split'], ['sort', 'split']],
    ['underscores', ['prep_reads_trim', 'prep_reads_align'], ['trim', 'align']],
    ['dashes', ['stage-one-load', 'stage-one-save'], ['load', 'save']],
    ['mixed separators', ['lab.qc_reads-trim', 'lab.qc_reads/align'], ['reads-trim', 'reads/align']],
    ['half a word is no part', ['LAB.STATS', 'LAB.STAR'], ['STATS', 'STAR']],
    ['a shared end', ['bin/sort.py', 'bin/split.py'], ['sort', 'split']],
    ['one name is the beginning of another', ['lab.sort', 'lab.sort.merge'], ['sort', 'sort.merge']],
    ['the beginning itself is a name', ['lab', 'lab.sort'], ['lab', 'lab.sort']],
    ['a name that ends with the separator', ['lab.', 'lab.sort'], ['lab.', 'lab.sort']],
    ['numbers alone name nothing', ['step-1', 'step-2'], ['step-1', 'step-2']],
    ['nothing shared', ['sort', 'split'], ['sort', 'split']],
    ['one stranger', ['lab.sort', 'lab.split', 'other'], ['lab.sort', 'lab.split', 'other']],
    ['a single name', ['lab.genomics.sort'], ['lab.genomics.sort']],
    ['separators in a row', ['a:b', 'a::b'], ['b', ':b']],
    ['other scripts', ['lab.größe', 'lab.数据'], ['größe', '数据']],
    ['none', [], []],
  ])('%s', (_, names, expected) => {
    expect(withoutShared(names)).toEqual(expected);
  });
});

describe('lengths of a name', () => {
  it('are the end that no other has, and the whole where names are short', () => {
    const names = functionNames(['NF.SAREK.PREP.BWA_INDEX', 'NF.SAREK.QC.STATS', 'NF.SAREK.RECAL.QC.STATS']);
    expect(names.map(({ brief }) => brief)).toEqual(['BWA_INDEX', 'QC.STATS', 'RECAL.QC.STATS']);
    expect(names.map(({ label }) => label)).toEqual(['PREP.BWA_INDEX', 'QC.STATS', 'RECAL.QC.STATS']);
    expect(functionNames(['a.sort', 'a.split']).map(({ label }) => label)).toEqual(['a.sort', 'a.split']);
  });

  it('know how much of the beginning distinguishes a name from all others', () => {
    const heads = functionNames(['FASTQC_STATS', 'FASTP', 'MULTIQC', 'MULTI']).map(({ head }) => head);
    expect(heads).toEqual(['FASTQ'.length, 'FASTP'.length, 'MULTIQ'.length, 'MULTI'.length]);
    expect(functionNames(['alone'])[0]!.head).toBe(1);
  });

  it('know how much of the end distinguishes a name from all others', () => {
    const tails = functionNames(['FASTQC_STATS', 'BCFTOOLS_STATS', 'MULTIQC', 'QC']).map(({ tail }) => tail);
    expect(tails).toEqual(['C_STATS'.length, 'S_STATS'.length, 'IQC'.length, 2]);
    expect(functionNames(['alone'])[0]!.tail).toBe(1);
  });

  it('are whole where names are several words, which are no paths', () => {
    const names = ['collect at /app/events.py:62', 'collect at /app/events.py:49', 'count at Native.java:0'];
    expect(functionNames(names).map(({ brief }) => brief)).toEqual(names);
  });

  it('are never empty and distinguish any names', () => {
    const random = new Random(9);
    const pick = (from: readonly string[]): string => from[random.whole(0, from.length - 1)]!;
    for (let round = 0; round < 2000; round++) {
      const parts = (): string => pick(['', 'a', 'b', 'ab', '1']) + pick(['.', ':', '/', '_', '-', '']);
      const names = [...new Set(Array.from({ length: 4 }, () => `x${parts()}${parts()}${parts()}`))];
      const lengths = functionNames(names);
      for (const length of ['short', 'brief', 'label'] as const) {
        const texts = lengths.map((name) => name[length]);
        expect(new Set(texts).size, `${length} of ${names.join(' ')}`).toBe(names.length);
        expect(texts.every((text) => text !== '')).toBe(true);
      }
    }
  });
});
