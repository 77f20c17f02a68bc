// Colours of functions: the same in every run of a workflow, and different for consecutive ones.

/** Number of the custom properties --fn-0 to --fn-11. */
export const FUNCTION_COLOURS = 12;

/** Which of them the k-th function of a workflow has. Steps of five go round all twelve, far apart each time. */
export function functionColour(workflow: string, k: number): number {
  return (textHash(workflow) + 5 * k) % FUNCTION_COLOURS;
}

/** FNV-1a, 32 bits: see Fowler, Noll and Vo, draft-eastlake-fnv. Over UTF-16 units, which is enough for colours. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
