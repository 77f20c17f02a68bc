// Foreign text that could change the direction of the text around it.

/** Embeddings, overrides and isolates: after one of them the rest of a line may read backwards. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text in which nothing changes the direction of what surrounds it. What changes it is shown as a replacement character,
 * so that the text cannot pass for another one. Letters that run from right to left still do so.
 */
export function withoutTurning(text: string): string {
  return text.replace(TURNING, '\ufffd');
}
