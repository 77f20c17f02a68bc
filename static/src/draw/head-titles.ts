// Which titles of a row have room, and how much.

/** A title as it would like to stand. */
export interface WantedTitle {
  /** Left edge. */
  readonly x: number;
  readonly width: number;
}

export interface PlacedTitle {
  /** Place in the titles that were asked for. */
  readonly of: number;
  readonly x: number;
  /** Px that the title may take: cut only where most of it can still be read. */
  readonly room: number;
}

/** A title cut to less than this many px, or to less than this share of itself, says nothing. */
const CUT_LEAST_PX = 64;
const CUT_LEAST_SHARE = 0.6;
/** Beyond its own room a title reaches no further than this. */
const REACH_PX = 200;

/**
 * Chooses titles, from left to right, that never touch: all that can be read in their own room; where that is too
 * little, one that reaches over the next ones, which then have none. Near the right edge a title may move left.
 */
export function placeTitles(wanted: readonly WantedTitle[], right: number, apart: number): PlacedTitle[] {
  const limits = limitsOf(wanted, right, apart);
  const placed: PlacedTitle[] = [];
  let free = -Infinity;
  wanted.forEach((title, of) => {
    const limit = limits[of]!;
    const own = nextEdge(wanted, of, right, apart);
    const x = limit === right ? Math.max(free, Math.min(title.x, right - Math.min(title.width, REACH_PX))) : title.x;
    const room = Math.min(limit - x, Math.max(own - x, REACH_PX));
    if (x < free || x > title.x || !isReadable(title.width, room)) return;
    placed.push({ of, x, room });
    free = x + Math.min(title.width, room) + apart;
  });
  // What a title does not need itself is another one's: nothing below it may reach into that.
  return placed.map((title, i) => {
    const next = placed[i + 1];
    return next ? { ...title, room: Math.min(title.room, next.x - apart - title.x) } : title;
  });
}

/** How far each title may reach: in its own room where it can be read there, else to the next that can. */
function limitsOf(wanted: readonly WantedTitle[], right: number, apart: number): number[] {
  const limits: number[] = [];
  let limit = right;
  for (let i = wanted.length - 1; i >= 0; i--) {
    const { x, width } = wanted[i]!;
    const own = nextEdge(wanted, i, right, apart);
    const hasOwn = isReadable(width, own - x);
    limits[i] = hasOwn ? own : limit;
    if (hasOwn) limit = x - apart;
  }
  return limits;
}

function nextEdge(wanted: readonly WantedTitle[], i: number, right: number, apart: number): number {
  const next = wanted[i + 1];
  return next ? next.x - apart : right;
}

function isReadable(width: number, room: number): boolean {
  return room >= Math.min(width, Math.max(CUT_LEAST_PX, Math.min(width, REACH_PX) * CUT_LEAST_SHARE));
}
