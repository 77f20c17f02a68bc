// A context that keeps what painters paint as SVG, so that a picture is saved by the code that shows it.

import { Hatches, type HatchDirection, TILE } from './hatches';
import { iconText } from './icons';

/** What paint looks like, as a canvas has it. */
interface Look {
  fillStyle: string | CanvasGradient | CanvasPattern;
  strokeStyle: string | CanvasGradient | CanvasPattern;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: CanvasTextAlign;
  textBaseline: CanvasTextBaseline;
}

/**
 * As much of a CanvasRenderingContext2D as the painters of graph and lanes use. clearRect does nothing: layers lie one over
 * the other here, too, and each begins with it.
 */
export class SvgContext implements Look {
  fillStyle: Look['fillStyle'] = 'none';
  strokeStyle: Look['strokeStyle'] = 'none';
  lineWidth = 1;
  globalAlpha = 1;
  font = '10px sans-serif';
  textAlign: CanvasTextAlign = 'left';
  textBaseline: CanvasTextBaseline = 'alphabetic';
  #dash: readonly number[] = [];
  #path = '';
  /** Groups opened since the last save, and the looks to go back to. */
  #groups = 0;
  readonly #saved: { readonly groups: number; readonly look: Look; readonly dash: readonly number[] }[] = [];
  readonly #defs = new Map<string, string>();
  readonly #parts: string[] = [];
  /** Rectangles of one look, not written yet: one path for thousands of them. */
  #rects: { readonly attributes: string; d: string } | undefined;

  /** As painters take it. */
  get context(): CanvasRenderingContext2D {
    return this as unknown as CanvasRenderingContext2D;
  }

  /** Patterns to hatch with, defined in the document. */
  get hatches(): Hatches {
    return new SvgHatches((colour, direction) => this.#hatch(colour, direction));
  }

  /** The document so far; sizes in px. */
  document(width: number, height: number, title: string): string {
    this.#flush();
    const size = `width="${num(width)}" height="${num(height)}" viewBox="0 0 ${num(width)} ${num(height)}"`;
    const defs = `<defs>${[...this.#defs.values()].join('')}</defs>`;
    const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img"><title>${escaped(title)}</title>`;
    return `${head}${defs}${this.#parts.join('\n')}</svg>\n`;
  }

  save(): void {
    this.#saved.push({ groups: this.#groups, look: lookOf(this), dash: this.#dash });
    this.#groups = 0;
  }

  restore(): void {
    const before = this.#saved.pop();
    if (!before) return;
    this.#write('</g>'.repeat(this.#groups));
    this.#groups = before.groups;
    this.#dash = before.dash;
    Object.assign(this, before.look);
  }

  clip(): void {
    this.#open(
      `clip-path="url(#${this.#define('clip', this.#path, (id) => `<clipPath id="${id}"><path d="${this.#path}"/></clipPath>`)})"`,
    );
  }

  translate(x: number, y: number): void {
    this.#open(`transform="translate(${num(x)} ${num(y)})"`);
  }

  scale(x: number, y: number): void {
    this.#open(`transform="scale(${num(x)} ${num(y)})"`);
  }

  setLineDash(dash: readonly number[]): void {
    this.#dash = dash;
  }

  clearRect(): void {
    // See the class.
  }

  beginPath(): void {
    this.#path = '';
  }

  moveTo(x: number, y: number): void {
    this.#path += `M${num(x)} ${num(y)}`;
  }

  lineTo(x: number, y: number): void {
    this.#path += `L${num(x)} ${num(y)}`;
  }

  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void {
    this.#path += `C${[ax, ay, bx, by, x, y].map(num).join(' ')}`;
  }

  rect(x: number, y: number, w: number, h: number): void {
    this.#path += rectText(x, y, w, h);
  }

  /** As a canvas: a radius that has no room is as large as it may be. */
  roundRect(x: number, y: number, w: number, h: number, radius: number): void {
    const r = Math.max(0, Math.min(radius, w / 2, h / 2));
    const arc = (dx: number, dy: number): string => `a${num(r)} ${num(r)} 0 0 1 ${num(dx)} ${num(dy)}`;
    this.#path += `M${num(x + r)} ${num(y)}h${num(w - 2 * r)}${arc(r, r)}v${num(h - 2 * r)}${arc(-r, r)}h${num(2 * r - w)}${arc(-r, -r)}v${num(2 * r - h)}${arc(r, -r)}z`;
  }

  fill(icon?: Path2D): void {
    this.#write(`<path d="${icon ? iconText(icon) : this.#path}" ${this.#filled()}/>`);
  }

  stroke(icon?: Path2D): void {
    this.#write(`<path d="${icon ? iconText(icon) : this.#path}" ${this.#stroked()}/>`);
  }

  strokeRect(x: number, y: number, w: number, h: number): void {
    this.#write(`<path d="${rectText(x, y, w, h)}" ${this.#stroked()}/>`);
  }

  fillRect(x: number, y: number, w: number, h: number): void {
    if (w === 0 || h === 0) return;
    const attributes = this.#filled();
    if (this.#rects?.attributes !== attributes) this.#flush();
    this.#rects ??= { attributes, d: '' };
    this.#rects.d += rectText(x, y, w, h);
  }

  fillText(text: string, x: number, y: number): void {
    const [, weight = '400', size = '10', family = 'sans-serif'] = /^(\d+) ([\d.]+)px (.*)$/.exec(this.font) ?? [];
    const anchor = { left: 'start', center: 'middle', right: 'end', start: 'start', end: 'end' }[this.textAlign];
    const baseline = this.textBaseline === 'middle' ? ' dominant-baseline="central"' : '';
    const font = `font-family="${escaped(family)}" font-size="${size}" font-weight="${weight}"`;
    this.#write(
      `<text x="${num(x)}" y="${num(y)}" text-anchor="${anchor}"${baseline} ${font} ${this.#filled()}>${escaped(text)}</text>`,
    );
  }

  #filled(): string {
    return `fill="${escaped(String(this.fillStyle))}"${this.#opacity()}`;
  }

  #stroked(): string {
    const dash = this.#dash.length > 0 ? ` stroke-dasharray="${this.#dash.join(' ')}"` : '';
    const width = this.lineWidth === 1 ? '' : ` stroke-width="${num(this.lineWidth)}"`;
    return `fill="none" stroke="${escaped(String(this.strokeStyle))}"${width}${dash}${this.#opacity()}`;
  }

  #opacity(): string {
    return this.globalAlpha === 1 ? '' : ` opacity="${num(this.globalAlpha)}"`;
  }

  #open(attributes: string): void {
    this.#write(`<g ${attributes}>`);
    this.#groups++;
  }

  #hatch(colour: string, direction: HatchDirection): string {
    const [a, b] = direction === 'rising' ? [TILE, 0] : direction === 'falling' ? [0, TILE] : [TILE / 2, TILE / 2];
    const shifts = direction === 'level' ? [0] : [-TILE, 0, TILE];
    const d = shifts.map((x) => `M${x} ${a}L${x + TILE} ${b}`).join('');
    const id = this.#define('hatch', `${colour} ${direction}`, (name) => {
      const box = `id="${name}" width="${TILE}" height="${TILE}" patternUnits="userSpaceOnUse"`;
      return `<pattern ${box}><path d="${d}" stroke="${escaped(colour)}" stroke-width="1.1"/></pattern>`;
    });
    return `url(#${id})`;
  }

  /** The name of a definition, made at its first use. */
  #define(kind: string, key: string, make: (id: string) => string): string {
    const full = `${kind} ${key}`;
    const place = [...this.#defs.keys()].indexOf(full);
    const id = `${kind}${place < 0 ? this.#defs.size : place}`;
    if (place < 0) this.#defs.set(full, make(id));
    return id;
  }

  #write(part: string): void {
    this.#flush();
    if (part !== '') this.#parts.push(part);
  }

  #flush(): void {
    if (this.#rects) this.#parts.push(`<path d="${this.#rects.d}" ${this.#rects.attributes}/>`);
    this.#rects = undefined;
  }
}

class SvgHatches extends Hatches {
  readonly #define: (colour: string, direction: HatchDirection) => string;

  constructor(define: (colour: string, direction: HatchDirection) => string) {
    super(1);
    this.#define = define;
  }

  override pattern(_: CanvasRenderingContext2D, colour: string, direction: HatchDirection): string {
    return this.#define(colour, direction);
  }
}

function lookOf({ fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline }: Look): Look {
  return { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline };
}

function rectText(x: number, y: number, w: number, h: number): string {
  return `M${num(x)} ${num(y)}h${num(w)}v${num(h)}h${num(-w)}z`;
}

/** Hundredths of a px are more than a picture shows. */
function num(value: number): string {
  return String(Math.round(value * 100) / 100 || 0);
}

/** Names of tasks are anything; of control characters XML knows three. */
function escaped(text: string): string {
  const known = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' } as const;
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"]/g, (sign) => known[sign as keyof typeof known]);
}
