// A run page in the place of which a longer recording of the run is put: what has come of it so far.

import type { RunSummary } from '../../api/schema';
import type { Frame } from '../../model/frame';
import type { Graph } from '../../model/graph';
import type { Layout } from '../../model/layout';

/** The graph of a run and its picture, as of one moment. */
export interface Drawn {
  readonly graph: Graph;
  readonly layout: Layout | null;
}

/** One version of the run, as it comes with the stream. */
class Version {
  readonly frames: Frame[] = [];
  summary: RunSummary | undefined;
  whole = false;

  /** Takes a frame; false where it does not follow on those before it. */
  take(frame: Frame): boolean {
    if (frame.kind === 'snapshot') this.frames.length = 0;
    else if (frame.from !== this.frames.at(-1)?.to) return false;
    this.frames.push(frame);
    this.whole = !frame.more;
    return true;
  }

  isOf(drawn: Drawn): boolean {
    return this.summary?.graph_hash === drawn.graph.hash;
  }
}

export type { Version };

/**
 * What is waited for until a run page can be renewed: all frames of a version come with the stream, its graph is asked for,
 * and only versions of which both are there are shown. Versions may come faster than graphs are answered, so the last one
 * that is whole is kept next to the one that comes.
 */
export class Renewal {
  #versions: readonly Version[] = [new Version()];
  #drawn: Drawn | undefined;

  /** The stream has begun with another version. */
  restart(): void {
    const last = this.#versions.findLast((version) => version.whole);
    this.#versions = [...(last ? [last] : []), new Version()];
  }

  takeSummary(summary: RunSummary): void {
    this.#coming.summary = summary;
  }

  takeFrame(frame: Frame): boolean {
    return this.#coming.take(frame);
  }

  takeDrawn(drawn: Drawn): void {
    this.#drawn = drawn;
  }

  /** The version that can be shown, with its graph; undefined while there is none. */
  get ready(): { readonly version: Version; readonly drawn: Drawn } | undefined {
    const drawn = this.#drawn;
    const version = drawn && this.#versions.find((one) => one.whole && one.isOf(drawn));
    return version && { version, drawn };
  }

  /** A version was shown. False where nothing more is waited for. */
  shown(version: Version): boolean {
    this.#versions = this.#versions.slice(this.#versions.indexOf(version) + 1);
    return this.#versions.length > 0;
  }

  /** The graph that was answered last is not that of the version that comes. */
  get lacksGraph(): boolean {
    return this.#drawn === undefined || !this.#coming.isOf(this.#drawn);
  }

  get #coming(): Version {
    return this.#versions.at(-1)!;
  }
}
