// What went wrong with a request, as the service reports it.

import type { Problem as ProblemDocument } from './schema';

/** What is wrong with one part of a request. */
export interface ProblemPart {
  /** Where: body.params.size, query.limit. */
  readonly location: string;
  readonly message: string;
}

/**
 * A request that was not answered as asked: an application/problem+json of RFC 9457, or no answer at all, and then
 * status is 0.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  /** One sentence, empty where the service had nothing to add to the title. */
  readonly detail: string;
  /** By which the service's log names the request; empty where it never got there. */
  readonly requestId: string;
  readonly errors: readonly ProblemPart[];

  constructor(of: {
    readonly status: number;
    readonly title: string;
    readonly detail?: string;
    readonly requestId?: string;
    readonly errors?: readonly ProblemPart[];
    readonly cause?: unknown;
  }) {
    super(of.detail === undefined || of.detail === '' ? of.title : of.detail, { cause: of.cause });
    this.status = of.status;
    this.title = of.title;
    this.detail = of.detail ?? '';
    this.requestId = of.requestId ?? '';
    this.errors = of.errors ?? [];
  }

  /** From a problem document, whose parts may be missing: a proxy in between may have made it. */
  static from(document: Partial<ProblemDocument>, status: number, requestId = ''): Problem {
    return new Problem({
      status: document.status ?? status,
      title: document.title ?? `HTTP status ${status}`,
      detail: document.detail ?? '',
      requestId: document.request_id ?? requestId,
      errors: (document.errors ?? []).map(({ location, message }) => ({
        location: location ?? '',
        message: message ?? '',
      })),
    });
  }
}
