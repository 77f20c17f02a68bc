// Widths of labels, measured once.

/** Measures one text in one font, CSS px. */
export type MeasureText = (font: string, text: string) => number;

/** Texts remembered before all are forgotten: some hundred KiB, and more than a screen can show. */
const CAPACITY = 8192;

/** Where characters are left out. */
export const CUT = '…';

/** Narrower than two characters and an ellipsis a label says nothing. */
const FEWEST_CHARACTERS = 2;

/** Fewer characters around an ellipsis could be of any name. */
const FEWEST_CUT = 4;

/** A text and how many of its first and of its last characters distinguish it from others. */
export interface Telling {
  readonly text: string;
  readonly head: number;
  readonly tail: number;
}

/** Widths by font and text. Bounded; clear it when the font or the ratio of the display changes. */
export class TextMeasurer {
  readonly #measure: MeasureText;
  readonly #capacity: number;
  readonly #widths = new Map<string, number>();

  constructor(measure: MeasureText, capacity = CAPACITY) {
    this.#measure = measure;
    this.#capacity = capacity;
  }

  /** Texts remembered now. */
  get size(): number {
    return this.#widths.size;
  }

  width(font: string, text: string): number {
    const key = `${font}\n${text}`;
    let width = this.#widths.get(key);
    if (width === undefined) {
      if (this.#widths.size >= this.#capacity) this.#widths.clear();
      width = this.#measure(font, text);
      this.#widths.set(key, width);
    }
    return width;
  }

  /** Width of a number in brackets or the like: of its characters one by one, as there are far more numbers than those. */
  numberWidth(font: string, text: string): number {
    let width = 0;
    for (const character of text) width += this.width(font, character);
    return width;
  }

  /** The text if it has room, else with its middle cut out, else nothing. */
  fit(font: string, text: string, roomPx: number): string {
    return this.#fitCut(font, text, roomPx, FEWEST_CHARACTERS, (keep) => cutMiddle(text, keep));
  }

  /** The text if it has room, else as much of its beginning as has, and an ellipsis. Less of it than least says nothing. */
  fitStart(font: string, text: string, roomPx: number, least = FEWEST_CHARACTERS): string {
    return this.#fitCut(font, text, roomPx, least, (keep) => text.slice(0, keep) + CUT);
  }

  /** The text if it has room, else an ellipsis and its end: names differ there. Less of it than least says nothing. */
  fitEnd(font: string, text: string, roomPx: number, least = FEWEST_CHARACTERS): string {
    return this.#fitCut(font, text, roomPx, least, (keep) => CUT + text.slice(-keep));
  }

  /** The text if it has room, else the longest cut of it that has and keeps at least so many characters, else nothing. */
  #fitCut(font: string, text: string, roomPx: number, least: number, cutTo: (keep: number) => string): string {
    const widthPx = this.width(font, text);
    if (widthPx <= roomPx) return text;
    const perCharacter = widthPx / Math.max(1, text.length);
    let keep = Math.min(text.length - 1, Math.floor(roomPx / Math.max(perCharacter, 0.1)));
    for (; keep >= least; keep--) {
      const cut = cutTo(keep);
      if (this.width(font, cut) <= roomPx) return cut;
    }
    return '';
  }

  /**
   * The text if it has room, else the beginning of it where that is enough to distinguish it, which head characters of it
   * do; else the end where that is, which tail characters do; else its beginning and its end.
   */
  fitTelling(font: string, { text, head, tail }: Telling, roomPx: number, least = FEWEST_CHARACTERS): string {
    const cut =
      this.fitStart(font, text, roomPx, Math.max(least, head)) ||
      this.fitEnd(font, text, roomPx, Math.max(least, tail));
    if (cut !== '') return cut;
    const middle = this.fit(font, text, roomPx);
    return middle.length > Math.max(least, FEWEST_CUT) ? middle : '';
  }

  /** The first letters of a text and what follows from a place on, with the middle of that cut out where there is no room for it. */
  fitFrom(font: string, text: string, from: number, roomPx: number): string {
    const start = from > FEWEST_CUT ? text.slice(0, FEWEST_CUT) + CUT : text.slice(0, from);
    const rest = text.slice(from);
    if (this.width(font, start + rest) <= roomPx) return start + rest;
    for (let keep = rest.length - 1; keep >= FEWEST_CHARACTERS; keep--) {
      const cut = start + cutMiddle(rest, keep);
      if (this.width(font, cut) <= roomPx) return cut;
    }
    return '';
  }

  /** The first of some wordings that has room, else nothing: for texts with figures, which are never cut. */
  first(font: string, wordings: readonly string[], roomPx: number): string {
    return wordings.find((text) => this.width(font, text) <= roomPx) ?? '';
  }

  clear(): void {
    this.#widths.clear();
  }
}

/** The first and last characters of a text, keep of them in all, around an ellipsis. */
export function cutMiddle(text: string, keep: number): string {
  if (keep >= text.length) return text;
  const tail = Math.floor(keep / 2);
  return `${text.slice(0, keep - tail)}${CUT}${tail > 0 ? text.slice(-tail) : ''}`;
}

/** Measures with a canvas that is never shown. */
export function canvasMeasurer(): TextMeasurer {
  const ctx = document.createElement('canvas').getContext('2d');
  return new TextMeasurer((font, text) => {
    if (!ctx) return text.length * 6;
    if (ctx.font !== font) ctx.font = font;
    return ctx.measureText(text).width;
  });
}
