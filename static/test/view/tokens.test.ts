import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../../src/tokens.css', import.meta.url), 'utf8');

/** Custom properties of the block that begins with a selector. */
function tokensOf(selector: string): Map<string, string> {
  const begin = css.indexOf('{', css.indexOf(selector)) + 1;
  const block = css.slice(begin, css.indexOf('}', begin)).replace(/\/\*.*?\*\//gs, '');
  const declarations = block.matchAll(/(--[\w-]+|color-scheme):\s*([^;]+);/g);
  return new Map([...declarations].map(([, name, value]) => [name!, value!.replace(/\s+/g, ' ')]));
}

const light = tokensOf(':root {');
const system = tokensOf(":root:not([data-theme='light'])");
const chosen = tokensOf(":root[data-theme='dark']");

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
  it('has the same dark colours whether the system or the reader asks for them', () => {
    expect(Object.fromEntries(system)).toEqual(Object.fromEntries(chosen));
    expect(system.size).toBeGreaterThanOrEqual(80);
  });

  it('gives every dark token a light one', () => {
    for (const name of chosen.keys()) expect(light.has(name), name).toBe(true);
  });

  it('writes text of at least 4.5 : 1 on every ground, in both themes', () => {
    for (const theme of [light, new Map([...light, ...chosen])]) {
      const inks = [...theme.keys()].filter((name) => /^--(st-[\w-]+-ink|ink|ink-2|ink-3|more|less)$/.test(name));
      for (const ink of inks) {
        for (const ground of ['--bg', '--surface']) {
          const ratio = contrast(theme.get(ink)!, theme.get(ground)!);
          expect(ratio, `${ink} on ${ground} is ${ratio.toFixed(2)}`).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });
});
