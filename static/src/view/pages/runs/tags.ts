// Tags as people write them, and as runs carry them.

/** Reads 'a, b b' as a and 'b b': commas separate tags; blanks around them and repetitions are dropped. */
export function readTags(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return [...new Set(tags)].filter((tag) => tag !== '');
}

/** Tags that all of the runs have. */
export function commonTags(runs: readonly { readonly tags: readonly string[] }[]): string[] {
  const [first, ...rest] = runs;
  return (first?.tags ?? []).filter((tag) => rest.every((run) => run.tags.includes(tag)));
}

/** A run's tags once the common ones have been changed from `before` to `after`. */
export function retagged(tags: readonly string[], before: readonly string[], after: readonly string[]): string[] {
  const kept = tags.filter((tag) => !before.includes(tag));
  return [...new Set([...kept, ...after])];
}
