// What is said of how a run failed.

/** Its own words, but where the engine tells of itself. */
export function failureText(failure: { readonly kind?: string; readonly message: string } | null | undefined): string {
  return failure?.kind === 'shutdown' ? 'the server was stopped' : (failure?.message ?? '');
}
