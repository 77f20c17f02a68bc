import { describe, expect, test } from 'vitest';

import { Api } from '../../src/api/client';
import { Problem } from '../../src/api/problem';
import type { operations } from '../../src/api/schema';

interface Asked {
  readonly url: string;
  readonly init: RequestInit;
}

/** An API whose service answers what a test says. */
function fakeApi(answer: (asked: Asked) => Response | Promise<Response>, token = ''): { api: Api; asked: Asked[] } {
  const asked: Asked[] = [];
  const api = new Api('http://host/x/api/v1', token, (url, init) => {
    asked.push({ url, init });
    return Promise.resolve(answer({ url, init }));
  });
  return { api, asked };
}

const ok = () => Response.json({});

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

test('an answer carries the clock of the service', async () => {
  const hourAgoMs = Date.now() - 3600_000;
  const { api } = fakeApi(() => Response.json({}, { headers: { Date: new Date(hourAgoMs).toUTCString() } }));
  await api.runs({});
  expect(Math.abs(api.clock.nowMs(Date.now()) - hourAgoMs)).toBeLessThan(2000);
});

describe('a request', () => {
  test('goes below the base path, with its query', async () => {
    const { api, asked } = fakeApi(ok);
    await api.runs({ workflow: 'a&b', status: ['failed', 'running'], limit: 50 });
    await api.stats({ quantiles: [0.5, 0.99], metric: 'execute_ns' });
    await api.run('odd/id');
    expect(asked.map(({ url }) => url)).toEqual([
      'http://host/x/api/v1/runs?workflow=a%26b&status=failed&status=running&limit=50',
      'http://host/x/api/v1/stats?quantiles=0.5,0.99&metric=execute_ns',
      'http://host/x/api/v1/runs/odd%2Fid',
    ]);
    expect(api.url('/runs/a/export', { format: 'csv' })).toBe('http://host/x/api/v1/runs/a/export?format=csv');
  });

  test('carries the token where there is one', async () => {
    const open = fakeApi(ok);
    await open.api.workers();
    expect(open.asked[0]!.init.headers).toEqual({});
    const closed = fakeApi(ok, 'secret');
    await closed.api.workers();
    expect(closed.asked[0]!.init.headers).toEqual({ Authorization: 'Bearer secret' });
  });

  test('can be aborted, and then is no problem', async () => {
    const abort = new AbortController();
    const { api, asked } = fakeApi(({ init }) => Promise.reject(init.signal?.reason as Error));
    abort.abort();
    await expect(api.workers(abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked[0]!.init.signal).toBe(abort.signal);
  });
});

describe('a submission', () => {
  const submission = { workflow: 'montage', params: { size: '3' } };

  test('is JSON, with its idempotency key', async () => {
    const { api, asked } = fakeApi(ok);
    await api.submit(submission, new Map(), 'k1');
    const { method, headers, body } = asked[0]!.init;
    expect(method).toBe('POST');
    expect(headers).toEqual({ 'Content-Type': 'application/json', 'Idempotency-Key': 'k1' });
    expect(JSON.parse(body as string)).toEqual(submission);
  });

  test('with files is a form of the request and one part for each', async () => {
    const { api, asked } = fakeApi(ok);
    await api.submit(submission, new Map([['image', new File(['abc'], 'a.png')]]));
    const { headers, body } = asked[0]!.init;
    expect(headers).toEqual({}); // the browser sets the boundary
    const form = body as FormData;
    expect([...form.keys()]).toEqual(['request', 'image']);
    expect(JSON.parse(await (form.get('request') as File).text())).toEqual(submission);
    expect((form.get('image') as File).name).toBe('a.png');
  });
});

describe('what goes wrong', () => {
  test('is shown as the service reports it', async () => {
    const document = {
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'limit is 0, expected 1 to 500',
      request_id: 'r-1',
      errors: [{ location: 'query.limit', message: 'too small' }, { message: 'odd' }],
    };
    const { api } = fakeApi(() => Response.json(document, { status: 400 }));
    const problem = await problemOf(api.runs());
    expect(problem).toMatchObject({ status: 400, title: 'Bad Request', detail: document.detail, requestId: 'r-1' });
    expect(problem.message).toBe(document.detail);
    expect(problem.errors).toEqual([
      { location: 'query.limit', message: 'too small' },
      { location: '', message: 'odd' },
    ]);
  });

  test('is named by its status where something in between answers', async () => {
    const { api } = fakeApi(
      () => new Response('<h1>Bad Gateway</h1>', { status: 502, headers: { 'X-Request-Id': 'p' } }),
    );
    const problem = await problemOf(api.remove('a'));
    expect(problem).toMatchObject({ status: 502, title: 'HTTP status 502', detail: '', requestId: 'p', errors: [] });
    expect(problem.message).toBe('HTTP status 502');
  });

  test('is that the service cannot be reached, or that its answer is cut off', async () => {
    const cause = new TypeError('fetch failed');
    const gone = fakeApi(() => Promise.reject(cause));
    expect(await problemOf(gone.api.workers())).toMatchObject({ status: 0, cause });
    const cut = fakeApi(() => new Response('{"runs":['));
    expect(await problemOf(cut.api.runs())).toMatchObject({ status: 200, title: 'The answer is cut off' });
  });
});

test('an import sends files, or refers to those of a dry run', async () => {
  const { api, asked } = fakeApi(() => Response.json({ files: [] }));
  await api.import([{ name: 'a/x', file: new Blob(['x']) }], { dry_run: true });
  await api.import('id', { run: ['r', 's'], mapping: 'a=b' });
  const [files, held] = asked;
  expect(files?.url).toBe('http://host/x/api/v1/imports?dry_run=true');
  expect((files?.init.body as FormData).get('a/x')).toBeInstanceOf(Blob);
  expect(held?.url).toBe('http://host/x/api/v1/imports?held=id&run=r&run=s&mapping=a%3Db');
  expect(held?.init.body).toBeUndefined();
});

test('every operation that answers JSON has a method', async () => {
  const { api, asked } = fakeApi(() => Response.json({}));
  const calls: Record<keyof operations, (() => Promise<unknown>) | null> = {
    'import-runs': () => api.import([{ name: 'x', file: new Blob(['x']) }]),
    'discard-import': () => api.discardImport('h'),
    'list-functions': () => api.functions(),
    'list-runs': () => api.runs(),
    'submit-run': () => api.submit({ workflow: 'w' }),
    'delete-run': () => api.remove('r'),
    'get-run': () => api.run('r'),
    'annotate-run': () => api.annotate('r', { note: 'n' }),
    'compare-runs': () => api.compare({ a: 'r', b: 's' }),
    'get-critical-path': null,
    'get-longest-chain': null,
    'get-findings': null, // the page finds the same by itself, as of any moment
    'get-archive': null, // links: Api.url
    'cancel-run': () => api.cancel('r'),
    'get-drawing': null,
    'get-source': null,
    'get-result': null, // the page shows its beginning, which the summary has
    'list-events': () => api.events('r'),
    'export-run': () => api.export('r', 'chrome'),
    'get-graph': () => api.graph('r'),
    'list-schedules': () => api.schedules('r', { limit: 9 }),
    'get-schedule': () => api.schedule('r', 3),
    'get-judgement': () => api.judgement('r', { peers: 'workflow' }),
    'get-trend': () => api.trend({ workflow: 'w' }),
    'get-whatif': () => api.whatIf('r', 'slots=4&faster=blur%3D2'),
    'get-prediction': () => api.predict({ workflow: 'w', parameter: ['n=2'] }),
    'get-run-prediction': () => api.predictEnd('r'),
    'get-layout': () => api.layout('r', { engine: 'dot' }),
    'pause-run': () => api.pause('r'),
    'resume-run': () => api.resume('r'),
    'retry-run': () => api.retry('r', { new: true }),
    'get-run-statistics': () => api.runStats('r', { at: 5 }),
    'list-tasks': () => api.tasks('r'),
    'get-task': () => api.task('r', 7),
    'get-task-log': () => api.taskLog('r', 7),
    'get-timeline': () => api.timeline('r', { buckets: 60 }),
    'list-run-workers': () => api.runWorkers('r'),
    'get-statistics': () => api.stats(),
    'find-tasks': () => api.slowest(),
    'get-server': () => api.server(),
    'list-workers': () => api.workers(),
    'list-workflows': () => api.workflows(),
    'get-workflow': () => api.workflow('w'),
  };
  for (const call of Object.values(calls)) await call?.();
  expect(asked.map(({ url, init }) => `${init.method} ${url.replace('http://host/x/api/v1', '')}`)).toEqual([
    'POST /imports',
    'DELETE /imports/h',
    'GET /functions',
    'GET /runs',
    'POST /runs',
    'DELETE /runs/r',
    'GET /runs/r',
    'PATCH /runs/r',
    'GET /compare?a=r&b=s',
    'POST /runs/r/cancel',
    'GET /runs/r/events',
    'GET /runs/r/export?format=chrome',
    'GET /runs/r/graph',
    'GET /runs/r/schedules?limit=9',
    'GET /runs/r/schedules/3',
    'GET /runs/r/judgement?peers=workflow',
    'GET /trend?workflow=w',
    'GET /runs/r/whatif?lanes=true&slots=4&faster=blur%3D2',
    'GET /predict?workflow=w&parameter=n%3D2',
    'GET /runs/r/predict',
    'GET /runs/r/layout?engine=dot',
    'POST /runs/r/pause',
    'POST /runs/r/resume',
    'POST /runs/r/retry?new=true',
    'GET /runs/r/stats?at=5',
    'GET /runs/r/tasks',
    'GET /runs/r/tasks/7',
    'GET /runs/r/tasks/7/log',
    'GET /runs/r/timeline?buckets=60',
    'GET /runs/r/workers',
    'GET /stats',
    'GET /tasks',
    'GET /server',
    'GET /workers',
    'GET /workflows',
    'GET /workflows/w',
  ]);
});
