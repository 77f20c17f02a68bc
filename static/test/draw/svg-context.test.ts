import { beforeAll, describe, expect, it } from 'vitest';

import { drawIcon } from '../../src/draw/icons';
import { SvgContext } from '../../src/draw/svg-context';
import { byState, stagedGraph, stagedLanes } from './frames';
import { type RecordingContext, withPaths } from './recording-context';
import { layersPlan, montagePlan, syntheticRun } from './synthetic-run';

beforeAll(withPaths);

/** Elements that are open at the end of a document, or the first that is closed out of turn; none of a whole one. */
function unclosed(svg: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)([^>]*)>/g)) {
    if (slash === '/' && open.pop() !== name) return [name!];
    if (slash === '' && !rest!.endsWith('/')) open.push(name!);
  }
  return open;
}

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!).sort();
}

function paintedTexts(contexts: Readonly<Record<string, RecordingContext>>): string[] {
  return Object.values(contexts)
    .flatMap((ctx) => ctx.texts)
    .sort();
}

describe('a picture as SVG', () => {
  it('of the graph has the texts of the canvases, and every name that it refers to', () => {
    const { stage, contexts } = stagedGraph(syntheticRun(montagePlan()), { selected: 3 });
    const svg = stage.svg('graph');
    expect(unclosed(svg)).toEqual([]);
    expect(textsOf(svg)).toEqual(paintedTexts(contexts));
    for (const [, id] of svg.matchAll(/url\(#(\w+)\)/g)) expect(svg).toContain(`id="${id}"`);
    expect(svg).toContain('viewBox="0 0 1500 500"');
  });

  it('of the lanes has what moved bytes hatched, in a few paths however many attempts there are', () => {
    const { stage, contexts } = stagedLanes(syntheticRun(montagePlan()));
    const svg = stage.svg('lanes');
    expect(unclosed(svg)).toEqual([]);
    expect(textsOf(svg)).toEqual(paintedTexts(contexts));
    expect(svg).toMatch(/<pattern id="hatch\d+"/);
    expect(svg).not.toMatch(/NaN|undefined|\[object/);
    const many = stagedLanes(syntheticRun(layersPlan(4000, 4), { workers: 1, slots: 8 }), { colours: byState });
    expect(many.stage.svg('lanes').split('<path').length).toBeLessThan(200);
  });

  it('keeps names from being markup, and signs that XML does not know from being there', () => {
    const svg = new SvgContext();
    svg.font = '500 11px "Segoe UI", sans-serif';
    svg.fillText('<script>&"\u0000\u001b', 1, 2);
    const text = svg.document(10, 10, '</title><b>');
    expect(text).toContain('&lt;script&gt;&amp;&quot;\ufffd\ufffd</text>');
    expect(text).toContain('font-family="&quot;Segoe UI&quot;, sans-serif"');
    expect(text).not.toMatch(/<script|<b>|\u0000/);
  });

  it('opens a group for a clip and a transform, and closes it when they end', () => {
    const svg = new SvgContext();
    svg.save();
    svg.beginPath();
    svg.rect(0, 0, 5, 5);
    svg.clip();
    svg.globalAlpha = 0.5;
    drawIcon(svg.context, 'running', 1, 2, 24, 'blue');
    svg.restore();
    svg.fillRect(0, 0, 1, 1);
    svg.fillRect(2, 0, 1, 1);
    const text = svg.document(10, 10, 't');
    expect(unclosed(text)).toEqual([]);
    expect(text).toContain('<clipPath id="clip0"><path d="M0 0h5v5h-5z"/></clipPath>');
    expect(text).toContain('<path d="M2.6 1.3V10.7L10.6 6Z" fill="blue" opacity="0.5"/>');
    expect(text).toMatch(/<\/g><\/g>\n<\/g>\n<path d="M0 0h1v1h-1zM2 0h1v1h-1z" fill="none"\/>/);
  });
});
