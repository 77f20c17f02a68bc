// What the page shell passes to the program.

export interface Bootstrap {
  /** Path under which the dashboard is served, without a slash at the end; empty at the root. */
  readonly base_path: string;
  /** Path of the API below it. */
  readonly api: string;
  readonly version: string;
  /** The service asks for a token; browsers carry it as a cookie and are sent to the login without it. */
  readonly token_required: boolean;
}

const standard: Bootstrap = { base_path: '', api: '/api/v1', version: '', token_required: false };

/** Reads the shell's JSON; a page without it (a development server) is at the root. */
export function readBootstrap(page: Pick<Document, 'getElementById'>): Bootstrap {
  const text = page.getElementById('bootstrap')?.textContent ?? '';
  return text.trim() === '' ? standard : { ...standard, ...(JSON.parse(text) as Partial<Bootstrap>) };
}
