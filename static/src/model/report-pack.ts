// What a report holds of its run besides the archive: see web/report/FORMAT.md.

/** The answers that the page gets in a report, and the frames of the run's table. */
export interface ReportPack {
  readonly head: ReportHead;
  /** As the live stream sends them, for channel 0. */
  readonly frames: readonly Uint8Array[];
}

export interface ReportHead {
  readonly run: string;
  /** Version of the program that wrote the report; empty if unknown. */
  readonly version: string;
  /** Answers to GET requests, by path below the API and query with its parameters sorted. */
  readonly answers: Readonly<Record<string, unknown>>;
}

/** Bytes of the length in front of each part. */
const LENGTH_BYTES = 4;

/** Takes an unpacked report apart. It throws a RangeError where a part is cut off. */
export function readReport(bytes: Uint8Array): ReportPack {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (at + length > bytes.length) {
      throw new RangeError(`a part of the report has ${length} bytes, expected at most ${bytes.length - at}`);
    }
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  const [head, ...frames] = parts;
  if (head === undefined) throw new RangeError('the report is empty, expected its head');
  return { head: JSON.parse(new TextDecoder().decode(head)) as ReportHead, frames };
}
