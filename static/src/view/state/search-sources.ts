// What the search of the top bar looks through: runs always, and what the open page adds (a run page: its tasks).

export interface SearchHit {
  readonly id: string;
  readonly title: string;
  readonly detail: string;
  /** Path of the dashboard to open, without base path; or something to do. */
  readonly open: string | (() => void);
}

/** Looks something up; hits come best first. */
export interface SearchSource {
  readonly title: string;
  find(text: string, signal: AbortSignal): Promise<readonly SearchHit[]>;
}

export interface SearchGroup {
  readonly title: string;
  readonly hits: readonly SearchHit[];
}

/** Hits of one source that are shown; more would hide the next source. */
const HITS = 6;

/** The sources, in the order in which they were added: the page's own come first. */
export class SearchSources {
  #sources: SearchSource[] = [];

  /** Adds a source in front of the others; the function it returns takes it away. */
  add(source: SearchSource): () => void {
    this.#sources = [source, ...this.#sources];
    return () => {
      this.#sources = this.#sources.filter((other) => other !== source);
    };
  }

  /** Asks all sources at once; one that fails counts as finding nothing. */
  async find(text: string, signal: AbortSignal): Promise<readonly SearchGroup[]> {
    const found = await Promise.allSettled(this.#sources.map((source) => source.find(text, signal)));
    const groups: SearchGroup[] = [];
    for (const [i, answer] of found.entries()) {
      if (answer.status !== 'fulfilled' || answer.value.length === 0) continue;
      groups.push({ title: this.#sources[i]!.title, hits: answer.value.slice(0, HITS) });
    }
    return groups;
  }
}
