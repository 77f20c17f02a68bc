import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../../src/tokens.css', import.meta.url), 'utf8');

/** Custom properties as they are written. */
const written = new Map(
  [...css.replace(/\/\*.*?\*\//gs, '').matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(
    ([, name, value]) => [name!, value!.replace(/\s+/g, ' ')] as const,
  ),
);

const PAIR = /light-dark\(((?:[^(),]|\([^()]*\))+), ((?:[^(),]|\([^()]*\))+)\)/g;

/** The same as a theme resolves them. */
function tokensOf(theme: 'light' | 'dark'): ReadonlyMap<string, string> {
  return new Map([...written].map(([name, value]) => [name, value.replace(PAIR, theme === 'light' ? '$1' : '$2')]));
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

type Matrix = readonly (readonly [number, number, number])[];

/** Linear light as it is seen with each kind of colour blindness, whole: Machado, Oliveira and Fernandes 2009. */
const sights: Readonly<Record<string, Matrix>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE 1976 L*a*b* of a colour as one sees it. */
function lab(hex: string, sight: Matrix): number[] {
  const linear = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const times = (row: readonly number[], of: readonly number[]) => row.reduce((sum, x, i) => sum + x * of[i]!, 0);
  const seen = sight.map((row) => Math.min(1, Math.max(0, times(row, linear))));
  const root = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = root(times([0.4124, 0.3576, 0.1805], seen) / 0.95047);
  const y = root(times([0.2126, 0.7152, 0.0722], seen));
  const z = root(times([0.0193, 0.1192, 0.9505], seen) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

describe('tokens', () => {
  it('says each role once, and every colour for both themes', () => {
    const names = [...css.matchAll(/^\s*(--[\w-]+):/gm)].map(([, name]) => name!);
    expect(names).toEqual([...new Set(names)]);
    const colour = /#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(|transparent/i;
    const single = [...written].filter(([, value]) => colour.test(value.replace(PAIR, '')));
    expect(single).toEqual([]);
    expect([...written.values()].filter((value) => value.startsWith('light-dark(')).length).toBeGreaterThanOrEqual(80);
  });

  it('follows the system, or the theme that the document names', () => {
    const schemes = [...css.matchAll(/(:root[^{]*) \{[^}]*?color-scheme: ([^;]+);/g)].map(([, at, is]) => [at, is]);
    expect(schemes).toEqual([
      [':root', 'light dark'],
      [":root[data-theme='light']", 'light'],
      [":root[data-theme='dark']", 'dark'],
      [':root,\n  :root[data-theme]', 'light'],
    ]);
    expect(css, 'paper is white').toContain('@media print {\n  :root,');
    expect(css).not.toContain('prefers-color-scheme');
  });

  it('writes text of at least 4.5 : 1 on every ground, in both themes', () => {
    for (const theme of [tokensOf('light'), tokensOf('dark')]) {
      const inks = [...theme.keys()].filter((name) => /^--(st-[\w-]+-ink|ink|ink-2|ink-3|more|less)$/.test(name));
      expect(inks.length).toBeGreaterThanOrEqual(15);
      for (const ink of inks) {
        for (const ground of ['--bg', '--surface']) {
          const ratio = contrast(theme.get(ink)!, theme.get(ground)!);
          expect(ratio, `${ink} on ${ground} is ${ratio.toFixed(2)}`).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });

  it('lets everybody tell what was cached from what succeeded', () => {
    for (const theme of [tokensOf('light'), tokensOf('dark')]) {
      for (const [name, sight] of Object.entries(sights)) {
        const [a, b] = ['--st-cached', '--st-succeeded'].map((token) => lab(theme.get(token)!, sight));
        expect(Math.hypot(...a!.map((value, i) => value - b![i]!)), name).toBeGreaterThan(14);
      }
    }
  });
});
