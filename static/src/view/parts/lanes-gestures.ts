// What the pointer does on the lanes: see gestureHelp.

import type { LaneHover } from '../../draw/hit';
import type { LanesStage } from '../../draw/lanes-stage';
import type { Drag, GestureHandler, PointerSample } from '../../input/gestures';
import { zoneAt } from '../../input/zones';
import type { TimeRange } from '../../model/range-figures';
import { wheelZoom } from '../../model/time-scale';

/** What gestures read and what they ask for. */
export interface LanesActs {
  stage(): LanesStage | null;
  /** The playhead. */
  atNs(): number;
  /** Where the picture is in the window. */
  box(): { readonly left: number; readonly top: number };
  onselect(node: number): void;
  onseek(ns: number, phase: 'drag' | 'drop'): void;
  onrange(range: TimeRange): void;
  onhover(hover: LaneHover | null): void;
  oncursor(cursor: string): void;
  /** The reader has chosen another window of time. */
  onwindow(): void;
}

export function lanesGestures(acts: LanesActs): GestureHandler {
  return new LanesGestures(acts);
}

/** Owns nothing but where the playhead and the range were before the gesture under way. */
class LanesGestures implements GestureHandler {
  readonly #acts: LanesActs;
  #beforeNs = 0;
  #rangeBefore: TimeRange | null = null;

  constructor(acts: LanesActs) {
    this.#acts = acts;
  }

  zoneAt(x: number, y: number): string {
    return zoneAt(this.#acts.stage()?.areas() ?? [], x, y)?.id ?? 'lanes';
  }

  hover(at: PointerSample | null): void {
    this.#explain(at);
  }

  click(at: PointerSample, zone: string): void {
    const stage = this.#acts.stage();
    const hit = stage?.hit(at.x, at.y) ?? null;
    if (hit && 'node' in hit) this.#acts.onselect(hit.node);
    else if (zone === 'axis' || zone === 'ribbon') {
      this.#beforeNs = this.#acts.atNs();
      this.#acts.onseek(this.#nsAt(at.x), 'drop');
    } else if (stage?.toggleStrip(at.y)) return;
    else if (hit?.kind === 'bucket') this.#changed((of) => of.zoomBy(8, at.x));
    else if (zone === 'lanes') this.#acts.onseek(this.#nsAt(at.x), 'drop');
  }

  doubleClick(_: PointerSample, zone: string): void {
    if (zone !== 'axis') return;
    this.#acts.onseek(this.#beforeNs, 'drop'); // the first of the two clicks has moved the playhead
    this.#changed((stage) => stage.fit());
  }

  dragStart(): void {
    this.#beforeNs = this.#acts.atNs();
    this.#rangeBefore = this.#acts.stage()?.range ?? null;
    this.#acts.onhover(null);
  }

  dragMove(drag: Drag): void {
    if (pans(drag)) this.#changed((stage) => stage.pan(drag.dx));
    else if (drag.zone === 'lanes') this.#acts.stage()?.setRange(this.#rangeOf(drag));
    else this.#acts.onseek(this.#nsAt(drag.x), 'drag');
  }

  dragEnd(drag: Drag, undone: boolean): void {
    if (pans(drag)) return;
    if (drag.zone !== 'lanes') this.#acts.onseek(undone ? this.#beforeNs : this.#nsAt(drag.x), 'drop');
    else if (undone) this.#acts.stage()?.setRange(this.#rangeBefore);
    else this.#acts.onrange(this.#rangeOf(drag));
  }

  wheel(at: Parameters<NonNullable<GestureHandler['wheel']>>[0], zone: string): boolean {
    if (at.mod || zone === 'axis') this.#changed((stage) => stage.zoomBy(wheelZoom(at.dy), at.x));
    else if (at.shift || Math.abs(at.dx) > Math.abs(at.dy)) this.#changed((stage) => stage.pan(-(at.dx || at.dy)));
    else if (!(this.#acts.stage()?.scroll(at.dy) ?? false)) return false;
    this.#explain(at); // something else lies under the pointer
    return true;
  }

  pinch(factor: number, x: number, _: number, dx: number): void {
    this.#changed((stage) => {
      stage.zoomBy(factor, x);
      stage.pan(dx);
    });
  }

  /** Links hold whole ns, and a range has at least one. */
  #rangeOf({ startX, x }: Drag): TimeRange {
    const [aNs, bNs] = [Math.round(this.#nsAt(startX)), Math.round(this.#nsAt(x))];
    const fromNs = Math.min(aNs, bNs);
    return { fromNs, toNs: Math.max(aNs, bNs, fromNs + 1) };
  }

  #nsAt(x: number): number {
    return this.#acts.stage()?.nsAt(x) ?? 0;
  }

  #changed(change: (stage: LanesStage) => void): void {
    const stage = this.#acts.stage();
    if (stage) change(stage);
    this.#acts.onwindow();
  }

  #explain(at: Pick<PointerSample, 'x' | 'y'> | null): void {
    const hit = at && (this.#acts.stage()?.hit(at.x, at.y) ?? null);
    const zone = at ? this.zoneAt(at.x, at.y) : undefined;
    const isTime = zone === 'axis' || zone === 'ribbon';
    const cursor = isTime ? 'ew-resize' : zone === 'lanes' ? 'crosshair' : 'default';
    this.#acts.oncursor(hit && 'node' in hit ? 'pointer' : cursor);
    const box = this.#acts.box();
    this.#acts.onhover(hit && at ? { ...hit, x: box.left + at.x, y: box.top + at.y } : null);
  }
}

/** Shift or the middle button moves the time under the pointer. */
function pans(drag: Drag): boolean {
  return drag.shift || drag.button === 1;
}
