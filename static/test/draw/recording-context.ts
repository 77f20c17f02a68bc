// A 2D context that paints nothing and remembers its calls, and how many.

export interface Call {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly fill: unknown;
  readonly stroke: unknown;
  readonly alpha: number;
}

class RecordedPath {
  constructor(readonly d: string) {}
}

/** Paths of icons are made from strings, which Node does not know. */
export function withPaths(): void {
  Object.assign(globalThis, { Path2D: RecordedPath });
}

const TEXT_PX = 6;

export class RecordingContext {
  readonly calls: Call[] = [];
  /** Times that a colour, a font or a width was set to another value than it had. */
  styleChanges = 0;
  textAlign = 'left';
  textBaseline = 'alphabetic';
  globalAlpha = 1;
  readonly #style: Record<string, unknown> = { fillStyle: '', strokeStyle: '', font: '', lineWidth: 1 };
  readonly #saved: [number, Record<string, unknown>][] = [];

  /** Calls of one kind. */
  of(op: string): Call[] {
    return this.calls.filter((call) => call.op === op);
  }

  /** Every text that was painted. */
  get texts(): string[] {
    return this.of('fillText').map((call) => String(call.args[0]));
  }

  forget(): void {
    this.calls.length = 0;
    this.styleChanges = 0;
  }

  get fillStyle(): unknown {
    return this.#style['fillStyle'];
  }
  set fillStyle(value: unknown) {
    this.#set('fillStyle', value);
  }
  get strokeStyle(): unknown {
    return this.#style['strokeStyle'];
  }
  set strokeStyle(value: unknown) {
    this.#set('strokeStyle', value);
  }
  get font(): string {
    return String(this.#style['font']);
  }
  set font(value: string) {
    this.#set('font', value);
  }
  get lineWidth(): number {
    return Number(this.#style['lineWidth']);
  }
  set lineWidth(value: number) {
    this.#set('lineWidth', value);
  }

  #set(name: string, value: unknown): void {
    if (this.#style[name] !== value) this.styleChanges++;
    this.#style[name] = value;
  }

  #note(op: string, args: readonly unknown[]): void {
    this.calls.push({ op, args, fill: this.fillStyle, stroke: this.strokeStyle, alpha: this.globalAlpha });
  }

  save(): void {
    this.#saved.push([this.globalAlpha, { ...this.#style }]);
  }
  restore(): void {
    const [alpha, style] = this.#saved.pop() ?? [1, {}];
    this.globalAlpha = alpha;
    Object.assign(this.#style, style);
  }
  measureText(text: string): { width: number } {
    return { width: text.length * TEXT_PX };
  }
  createPattern(): null {
    return null;
  }
  setTransform(): void {}
  setLineDash(): void {}
  translate(): void {}
  scale(): void {}
  beginPath(): void {
    this.#note('beginPath', []);
  }
  moveTo(...args: unknown[]): void {
    this.#note('moveTo', args);
  }
  lineTo(...args: unknown[]): void {
    this.#note('lineTo', args);
  }
  bezierCurveTo(...args: unknown[]): void {
    this.#note('bezierCurveTo', args);
  }
  rect(...args: unknown[]): void {
    this.#note('rect', args);
  }
  roundRect(...args: unknown[]): void {
    this.#note('roundRect', args);
  }
  clip(): void {
    this.#note('clip', []);
  }
  fill(...args: unknown[]): void {
    this.#note('fill', args);
  }
  stroke(...args: unknown[]): void {
    this.#note('stroke', args);
  }
  fillRect(...args: unknown[]): void {
    this.#note('fillRect', args);
  }
  strokeRect(...args: unknown[]): void {
    this.#note('strokeRect', args);
  }
  clearRect(...args: unknown[]): void {
    this.#note('clearRect', args);
  }
  fillText(...args: unknown[]): void {
    this.#note('fillText', args);
  }
  drawImage(...args: unknown[]): void {
    this.#note('drawImage', args);
  }
}

/** The context as painters take it. */
export function asContext(recording: RecordingContext): CanvasRenderingContext2D {
  return recording as unknown as CanvasRenderingContext2D;
}

/** A canvas with a recording context. */
export function fakeCanvas(): { canvas: HTMLCanvasElement; ctx: RecordingContext } {
  const ctx = new RecordingContext();
  const canvas = { width: 0, height: 0, style: {}, getContext: () => ctx };
  return { canvas: canvas as unknown as HTMLCanvasElement, ctx };
}
