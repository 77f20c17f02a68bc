// Wires the pointer and the wheel of an element to a GestureMachine.

import { GestureMachine, type GestureHandler, type PointerSample } from './gestures';

/** Px of a line and of a page of wheel turns, where a mouse counts in those. */
const LINE_PX = 16;
const PAGE_PX = 400;

function sampleOf(event: PointerEvent, box: DOMRect): PointerSample {
  return {
    id: event.pointerId,
    x: event.clientX - box.left,
    y: event.clientY - box.top,
    button: Math.max(0, event.button),
    shift: event.shiftKey,
    mod: event.ctrlKey || event.metaKey,
  };
}

function unitPx(mode: number): number {
  if (mode === WheelEvent.DOM_DELTA_LINE) return LINE_PX;
  return mode === WheelEvent.DOM_DELTA_PAGE ? PAGE_PX : 1;
}

/** Feeds an element's pointer, wheel and Esc into gestures until the function returned is called. */
export function attachPointer(element: HTMLElement, handler: GestureHandler): () => void {
  const machine = new GestureMachine(handler);
  const stop = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(name: K, listen: (event: HTMLElementEventMap[K]) => void): void =>
    element.addEventListener(name, listen, { signal: stop.signal, passive: false });
  const sample = (event: PointerEvent): PointerSample => sampleOf(event, element.getBoundingClientRect());

  on('pointerdown', (event) => {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // else it starts the browser's own scrolling
    element.setPointerCapture(event.pointerId);
    machine.down(sample(event));
  });
  on('pointermove', (event) => machine.move(sample(event)));
  on('pointerup', (event) => machine.up(sample(event), event.timeStamp));
  on('pointercancel', () => machine.cancel());
  on('pointerleave', () => machine.leave());
  on('wheel', (event) => {
    const box = element.getBoundingClientRect();
    const unit = unitPx(event.deltaMode);
    const used = machine.wheel({
      x: event.clientX - box.left,
      y: event.clientY - box.top,
      dx: event.deltaX * unit,
      dy: event.deltaY * unit,
      shift: event.shiftKey,
      mod: event.ctrlKey || event.metaKey,
    });
    if (used) event.preventDefault();
  });
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !machine.cancel()) return;
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener('keydown', escape, { signal: stop.signal, capture: true });
  return () => stop.abort();
}
