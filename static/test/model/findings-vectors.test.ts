import { describe, expect, test } from 'vitest';

import { type FindingsContext, sentencesOf } from '../../src/model/findings';
import type { Span } from '../../src/model/sentence';
import { formatRunUrl, parseRunUrl } from '../../src/model/url-state';
import { replayed, vectorsOf } from '../fake/vectors';

/** What metricsstore/findings finds, which writes the vectors. */
interface Found {
  readonly context: FindingsContext;
  readonly atNs: number;
  readonly findings: readonly {
    readonly sentence: string;
    readonly nodes: readonly number[];
    readonly query: string;
  }[];
}

function saidBy(spans: readonly Span[]): { sentence: string; nodes: number[] } {
  const sentence = spans.map((span) => span.text).join('');
  const nodes = spans.flatMap((span) => (span.kind === 'task' ? [span.node] : []));
  return { sentence: sentence.replaceAll('\u00a0', ' '), nodes }; // the service has no lines to break
}

describe('the page says what the service says', () => {
  test.each(vectorsOf<Found>('metricsstore/findings'))('of %s', (_, vector) => {
    const { index, table, lanes } = replayed(vector);
    const { context, atNs, findings } = vector.want;
    const said = sentencesOf(index, table, lanes, atNs, context).map(saidBy);
    expect(said).toEqual(findings.map(({ sentence, nodes }) => ({ sentence, nodes })));
    for (const { query } of findings) {
      const linked = formatRunUrl(parseRunUrl(new URL(`http://host/runs/r?${query}`)));
      expect(linked).toBe(query === '' ? '' : `?${query}`);
    }
  });
});
