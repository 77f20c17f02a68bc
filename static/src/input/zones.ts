// Areas of a picture that take gestures differently, given as data.

/** An area in CSS px of its canvas; [left, right) × [top, bottom). */
export interface Zone {
  readonly id: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The zone at a point: of several the last, as the last is painted on top. */
export function zoneAt(zones: readonly Zone[], x: number, y: number): Zone | null {
  for (let i = zones.length - 1; i >= 0; i--) {
    const zone = zones[i]!;
    if (x >= zone.left && x < zone.right && y >= zone.top && y < zone.bottom) return zone;
  }
  return null;
}
