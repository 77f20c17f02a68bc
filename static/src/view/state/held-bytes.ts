// Bytes that a report holds in its elements, in base64.

export function heldBytes(page: Pick<Document, 'getElementById'>, id: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(page.getElementById(id)?.textContent ?? ''), (c) => c.charCodeAt(0));
}

/** Undoes gzip. It rejects where the bytes are damaged. */
export async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
