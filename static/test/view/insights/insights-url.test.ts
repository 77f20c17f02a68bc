import { describe, expect, it } from 'vitest';

import {
  formatInsightsUrl,
  insightsDefaults,
  type InsightsQuery,
  parseInsightsUrl,
} from '../../../src/view/pages/insights/insights-url';

const paramsOf = (path: string): URLSearchParams => new URL(path, 'http://x').searchParams;

describe('links to the insights', () => {
  it('leaves defaults out', () => {
    expect(formatInsightsUrl(insightsDefaults)).toBe('/insights');
  });

  it('comes back as it was', () => {
    const query: InsightsQuery = {
      workflow: 'wfformat:montage',
      metric: 'fetch_ns',
      period: '90d',
      against: 'half',
      group: 'none',
      key: 'mAdd@2',
      cell: 'max',
    };
    expect(parseInsightsUrl(paramsOf(formatInsightsUrl(query)))).toEqual(query);
  });

  it('holds nothing against a period that nothing goes before', () => {
    expect(parseInsightsUrl(paramsOf('/insights?period=all&against=before')).against).toBe('none');
    expect(parseInsightsUrl(paramsOf('/insights?period=1d&against=half')).against).toBe('none');
    expect(parseInsightsUrl(paramsOf('/insights?period=1d&against=before')).against).toBe('before');
  });

  it('drops what it does not know', () => {
    expect(parseInsightsUrl(paramsOf('/insights?metric=total_ns&cell=p42&against=them&group=x'))).toEqual(
      insightsDefaults,
    );
  });
});
