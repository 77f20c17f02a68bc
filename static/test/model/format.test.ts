import { describe, expect, test } from 'vitest';

import { dateText, isClock, momentText } from '../../src/model/clock-format';
import {
  bytes,
  bytesText,
  count,
  counted,
  duration,
  durationText,
  exactBytesText,
  offset,
  ordinal,
  percent,
  rankText,
  ratio,
  shortCount,
  signedPercent,
  tickText,
} from '../../src/model/format';

/** Text with plain spaces, so that the tables below can be read. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

const S = 1e9;

describe('counts in little room', () => {
  test.each([
    [0, '0'],
    [850, '850'],
    [999, '999'],
    [999.6, '1k'],
    [5000, '5k'],
    [1234, '1.23k'],
    [18_310, '18.3k'],
    [100_000, '100k'],
    [999_600, '1M'],
    [1_250_000, '1.25M'],
    [-5000, '−5k'],
    [NaN, '–'],
  ])('%d is %s', (n, text) => {
    expect(shortCount(n)).toBe(text);
  });
});

describe('durations', () => {
  test.each([
    [0, '0 s'],
    [1, '1 ns'],
    [999, '999 ns'],
    [999.4, '999 ns'],
    [999.6, '1.00 µs'],
    [1_499, '1.50 µs'],
    [21_340, '21.3 µs'],
    [600e3, '600 µs'],
    [999_499, '999 µs'],
    [999_500, '1.00 ms'],
    [1.1e6, '1.10 ms'],
    [9.994e6, '9.99 ms'],
    [9.996e6, '10.0 ms'],
    [21.34e6, '21.3 ms'],
    [21.36e6, '21.4 ms'],
    [868e6, '868 ms'],
    [999.4e6, '999 ms'],
    [999.6e6, '1.00 s'],
    [1.62 * S, '1.62 s'],
    [9.994 * S, '9.99 s'],
    [9.996 * S, '10.0 s'],
    [45.4 * S, '45.4 s'],
    [59.94 * S, '59.9 s'],
    [59.96 * S, '1m 00s'],
    [181 * S, '3m 01s'],
    [3599.4 * S, '59m 59s'],
    [3599.6 * S, '1h 00m'],
    [2 * 3600 * S + 59 * S, '2h 01m'],
    [24 * 3600 * S, '1d'],
    [2 * 3600 * S, '2h'],
    [300 * S, '5m'],
    [24 * 3600 * S + 1, '1d 00h'],
    [50 * 3600 * S, '2d 02h'],
    [-2.45 * S, '−2.45 s'],
    [NaN, '–'],
    [Infinity, '–'],
  ])('%d is %s', (ns, text) => {
    expect(plain(durationText(ns))).toBe(text);
  });

  test('come with the unit apart', () => {
    expect(duration(45.4 * S)).toEqual({ figure: '45.4', unit: 's' });
    expect(duration(181 * S)).toEqual({ figure: '3m\u00a001s', unit: '' });
    expect(duration(NaN)).toEqual({ figure: '–', unit: '' });
  });
});

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [312, '312 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1024, '1.00 KiB'],
    [35 * 1024, '35.0 KiB'],
    [999.4 * 1024, '999 KiB'],
    [999.6 * 1024, '0.98 MiB'],
    [2.01 * 2 ** 30, '2.01 GiB'],
    [99.96 * 2 ** 20, '100 MiB'],
    [2 ** 60, '1024 PiB'],
    [-1536, '−1.50 KiB'],
    [NaN, '–'],
  ])('%d is %s', (size, text) => {
    expect(plain(bytesText(size))).toBe(text);
  });

  test('are exact on hover', () => {
    expect(plain(exactBytesText(2_158_000))).toBe('2,158,000 B');
    expect(exactBytesText(NaN)).toBe('–');
    expect(bytes(1024)).toEqual({ figure: '1.00', unit: 'KiB' });
  });
});

test.each([
  [13.4 * S, Infinity, '+13.40 s'],
  [0, Infinity, '+0.00 s'],
  [59.99 * S, Infinity, '+59.99 s'],
  [59.996 * S, Infinity, '+1m 00.0s'],
  [181.23 * S, Infinity, '+3m 01.2s'],
  [3599.96 * S, Infinity, '+1h 00m 00s'],
  [3725 * S, Infinity, '+1h 02m 05s'],
  [-0.5 * S, Infinity, '−0.50 s'],
  [13.4e6, 20e6, '+13.40 ms'],
  [13.4e3, 20e3, '+13.40 µs'],
  [NaN, 1, '–'],
])('the moment %d of a run of %d is %s', (ns, spanNs, text) => {
  expect(plain(offset(ns, spanNs))).toBe(text);
});

test.each([
  [0, 5 * S, '0'],
  [5 * S, 5 * S, '+5 s'],
  [0.2 * S, 0.2 * S, '+200 ms'],
  [1.2 * S, 0.2 * S, '+1.2 s'],
  [60 * S, 15 * S, '+1m'],
  [75 * S, 15 * S, '+1m 15s'],
  [90 * S, 30 * S, '+1m 30s'],
  [3600 * S, 600 * S, '+1h 00m'],
  [4200 * S, 600 * S, '+1h 10m'],
  [7200 * S, 7200 * S, '+2 h'],
  [2e5, 2e5, '+200 µs'],
  [1.2e6, 2e5, '+1.2 ms'],
  [-5 * S, 5 * S, '−5 s'],
])('the tick at %d with steps of %d is %s', (ns, stepNs, text) => {
  expect(plain(tickText(ns, stepNs))).toBe(text);
});

test('shares and differences', () => {
  expect([0, 0.001, 0.005, 0.5, 0.994, 0.996, 1, NaN].map((x) => plain(percent(x)))).toEqual([
    '0 %',
    '< 1 %',
    '1 %',
    '50 %',
    '99 %',
    '> 99 %',
    '100 %',
    '–',
  ]);
  expect([0.061, -0.004, 0, 12.5, NaN].map((x) => plain(signedPercent(x)))).toEqual([
    '+6.1 %',
    '−0.4 %',
    '0 %',
    '+1,250 %',
    '–',
  ]);
  expect([2.24, 9.96, 1234, NaN].map(ratio)).toEqual(['2.2×', '10×', '1,234×', '–']);
});

test('counts, nouns and ranks', () => {
  expect([0, 999, 1720, 1234567, -1000, NaN].map(count)).toEqual(['0', '999', '1,720', '1,234,567', '−1,000', '–']);
  expect([counted(1, 'task'), counted(2, 'task'), counted(2, 'entry', 'entries')]).toEqual([
    '1 task',
    '2 tasks',
    '2 entries',
  ]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal)).toEqual([
    '1st',
    '2nd',
    '3rd',
    '4th',
    '11th',
    '12th',
    '13th',
    '21st',
    '102nd',
    '111th',
  ]);
  expect([rankText(1, 41), rankText(0, 41), rankText(40, 41), rankText(38, 41)]).toEqual([
    '2nd slowest of 41',
    'slowest of 41',
    'fastest of 41',
    '3rd fastest of 41',
  ]);
  expect([rankText(33, 1721), rankText(0, 1)]).toEqual(['p98.1 of 1,721', '–']);
});

describe('clocks', () => {
  const start = '2026-11-22T04:12:08.123Z';
  const startMs = Date.parse(start);

  test('show a moment of a run', () => {
    expect(plain(momentText(13.4 * S, startMs, 'relative'))).toBe('+13.40 s');
    expect(momentText(13.4 * S, startMs, 'utc')).toBe('04:12:21.52');
    expect(momentText(13.4e6, startMs, 'utc', 20e6)).toBe('04:12:08.136');
    expect(momentText(0, startMs, 'local')).toBe('04:12:08.12'); // tests run with TZ=UTC
    expect(momentText(NaN, startMs, 'utc')).toBe('–');
  });

  test('show dates', () => {
    expect(plain(dateText(start, 'utc'))).toBe('22 Nov 2026 04:12:08 UTC');
    expect(plain(dateText(start, 'relative'))).toBe('22 Nov 2026 04:12:08 UTC');
    expect(dateText(startMs, 'local')).toBe('22 Nov 2026 04:12:08');
    expect([dateText(null, 'utc'), dateText('never', 'utc')]).toEqual(['–', '–']);
  });

  test('are known by name', () => {
    expect([isClock('utc'), isClock('mars'), isClock(null)]).toEqual([true, false, false]);
  });
});
