// A stretch of time that ends now.

export const periods = ['1d', '7d', '30d', '90d', 'all'] as const;
export type Period = (typeof periods)[number];

export const periodNames: Readonly<Record<Period, string>> = {
  '1d': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  '90d': 'Last 90 days',
  all: 'All time',
};

const DAY_MS = 86_400_000;

/** Days of a period; undefined for all time. */
export function daysOf(period: Period): number | undefined {
  return period === 'all' ? undefined : Number.parseInt(period, 10);
}

/** Where a period that ends now begins, as the service takes it; undefined for all time. */
export function fromOf(period: Period, nowMs: number): string | undefined {
  const days = daysOf(period);
  return days === undefined ? undefined : new Date(nowMs - days * DAY_MS).toISOString();
}
