// Requests that are answered from a report, in place of a service.

import type { Send } from './client';

/** The path and query under which a report keeps the answer to a request; base is the URL of the API. */
export function answerKey(url: string, base: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.sort();
  const query = searchParams.toString();
  const path = pathname.slice(new URL(base).pathname.length);
  return query === '' ? path : `${path}?${query}`;
}

/** Answers what the report has, and everything else with a problem that says how to see it. */
export function packedSend(base: string, answers: Readonly<Record<string, unknown>>): Send {
  return (url, { method = 'GET' }) => {
    const key = answerKey(url, base);
    const isKept = method === 'GET' && Object.hasOwn(answers, key);
    return Promise.resolve(
      isKept ? Response.json(answers[key]) : Response.json(notInReport, { status: notInReport.status }),
    );
  };
}

const notInReport = {
  status: 404,
  title: 'Not in a report',
  detail:
    'The file has all of the run nevertheless: dagscope import FILE brings it into a service that shows this too.',
};
