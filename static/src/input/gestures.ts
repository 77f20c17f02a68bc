// Pointer events to gestures: a machine without a browser, driven by attachPointer.

/** A pointer somewhere on the picture, CSS px from its upper left corner. */
export interface PointerSample {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly button: number;
  readonly shift: boolean;
  readonly mod: boolean;
}

export interface WheelSample {
  readonly x: number;
  readonly y: number;
  /** CSS px, after lines and pages were turned into px. */
  readonly dx: number;
  readonly dy: number;
  readonly shift: boolean;
  /** Control or Command was held; a pinch on a trackpad looks the same. */
  readonly mod: boolean;
}

export interface Drag {
  /** Zone in which it began; it keeps it wherever the pointer goes. */
  readonly zone: string;
  readonly startX: number;
  readonly startY: number;
  readonly x: number;
  readonly y: number;
  /** Since the last move. */
  readonly dx: number;
  readonly dy: number;
  readonly button: number;
  readonly shift: boolean;
}

export interface GestureHandler {
  /** Name of the area at a point. */
  zoneAt(x: number, y: number): string;
  /** The pointer rests or moves without a button; null when it leaves. */
  hover?(at: PointerSample | null): void;
  click?(at: PointerSample, zone: string): void;
  doubleClick?(at: PointerSample, zone: string): void;
  dragStart?(drag: Drag): void;
  dragMove?(drag: Drag): void;
  /** undone: Esc was pressed, or the browser took the pointer away: put back what dragStart found. */
  dragEnd?(drag: Drag, undone: boolean): void;
  /** Returns whether it used the wheel, else the page scrolls. */
  wheel?(at: WheelSample, zone: string): boolean;
  /** Two fingers: their distance grew by factor around x, y, which itself moved by dx, dy. */
  pinch?(factor: number, x: number, y: number, dx: number, dy: number): void;
}

/** Less than this is a click by an unsteady hand, CSS px. */
const SLACK = 4;
/** Two clicks within this time and place are a double click. */
const DOUBLE_MS = 400;

type Held = { down: PointerSample; last: PointerSample; zone: string; dragging: boolean };

/** Distinguishes clicks from drags and pinches. Holds nothing but the gesture under way. */
export class GestureMachine {
  readonly #handler: GestureHandler;
  #held: Held | null = null;
  #second: PointerSample | null = null;
  #lastClick = { atMs: -Infinity, x: 0, y: 0 };

  constructor(handler: GestureHandler) {
    this.#handler = handler;
  }

  /** A drag is under way. */
  get dragging(): boolean {
    return this.#held?.dragging ?? false;
  }

  down(at: PointerSample): void {
    if (this.#held) {
      if (at.id === this.#held.down.id) return;
      if (this.#held.dragging) this.cancel();
      this.#second = at;
      return;
    }
    this.#held = { down: at, last: at, zone: this.#handler.zoneAt(at.x, at.y), dragging: false };
  }

  move(at: PointerSample): void {
    const held = this.#held;
    if (!held) {
      this.#handler.hover?.(at);
      return;
    }
    if (this.#second) {
      this.#pinch(held, at);
      return;
    }
    if (!held.dragging) {
      if (Math.hypot(at.x - held.down.x, at.y - held.down.y) < SLACK) return;
      held.dragging = true;
      this.#handler.dragStart?.(this.#drag(held, held.down));
    }
    this.#handler.dragMove?.(this.#drag(held, at));
    held.last = at;
  }

  up(at: PointerSample, nowMs: number): void {
    const held = this.#held;
    if (this.#second) {
      if (held?.down.id === at.id || this.#second.id === at.id) this.#drop();
      return;
    }
    if (!held || held.down.id !== at.id) return;
    this.#held = null;
    if (held.dragging) this.#handler.dragEnd?.(this.#drag(held, at), false);
    else if (at.button === 0) this.#click(at, held.zone, nowMs);
  }

  leave(): void {
    if (!this.#held) this.#handler.hover?.(null);
  }

  /** Esc, or the pointer was taken away. Returns whether there was a drag to undo. */
  cancel(): boolean {
    const held = this.#held;
    this.#drop();
    if (!held?.dragging) return false;
    this.#handler.dragEnd?.(this.#drag(held, held.last), true);
    return true;
  }

  wheel(at: WheelSample): boolean {
    return this.#handler.wheel?.(at, this.#handler.zoneAt(at.x, at.y)) ?? false;
  }

  #click(at: PointerSample, zone: string, nowMs: number): void {
    const last = this.#lastClick;
    const isDouble = nowMs - last.atMs < DOUBLE_MS && Math.hypot(at.x - last.x, at.y - last.y) < SLACK;
    this.#lastClick = { atMs: isDouble ? -Infinity : nowMs, x: at.x, y: at.y };
    if (isDouble && this.#handler.doubleClick) this.#handler.doubleClick(at, zone);
    else this.#handler.click?.(at, zone);
  }

  #drop(): void {
    this.#held = null;
    this.#second = null;
  }

  #pinch(held: Held, at: PointerSample): void {
    const second = this.#second!;
    const other = at.id === second.id ? held.last : second;
    const before = at.id === second.id ? second : held.last;
    const distance = Math.hypot(at.x - other.x, at.y - other.y);
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const dx = (at.x - before.x) / 2;
    const dy = (at.y - before.y) / 2;
    if (was > 0 && distance > 0) {
      this.#handler.pinch?.(distance / was, (at.x + other.x) / 2, (at.y + other.y) / 2, dx, dy);
    }
    if (at.id === second.id) this.#second = at;
    else held.last = at;
  }

  #drag(held: Held, at: PointerSample): Drag {
    return {
      zone: held.zone,
      startX: held.down.x,
      startY: held.down.y,
      x: at.x,
      y: at.y,
      dx: at.x - held.last.x,
      dy: at.y - held.last.y,
      button: held.down.button,
      shift: held.down.shift,
    };
  }
}
