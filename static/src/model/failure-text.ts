// What is said of how a run failed.

/** The error's own words, except where the engine reports on itself. */
export function failureText(failure: { readonly kind?: string; readonly message: string } | null | undefined): string {
  return failure?.kind === 'shutdown' ? 'the server was stopped' : (failure?.message ?? '');
}
