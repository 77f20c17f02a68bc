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
    ]);
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
});
