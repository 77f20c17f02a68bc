// The one client of the service's REST API.

import { withoutTurning } from '../model/direction';
import type { Graph } from '../model/graph';
import type { Layout } from '../model/layout';
import { ServiceClock } from '../model/service-clock';
import { Problem } from './problem';
import type {
  Answer,
  Import,
  AnnotationChange,
  Comparison,
  EndPrediction,
  EventList,
  FoundTasks,
  Functions,
  History,
  Judgement,
  operations,
  Prediction,
  Problem as ProblemDocument,
  RunList,
  RunSource,
  RunStatistics,
  RunSummary,
  RunWorkerList,
  Schedule,
  ScheduleList,
  Server,
  Submission,
  Task,
  TaskList,
  TaskLog,
  Timeline,
  Trend,
  WorkerList,
  Workflow,
  WorkflowList,
} from './schema';

type Operation = keyof operations;

/** Query parameters of an operation. */
export type QueryOf<O extends Operation> = operations[O]['parameters'] extends { query?: infer Q }
  ? { readonly [K in keyof Q]: NonNullable<Q[K]> extends readonly (infer V)[] ? readonly V[] : Q[K] }
  : never;

/** What a query parameter may be; undefined is left out. */
type QueryValue = string | number | boolean | readonly (string | number)[] | undefined;

/** How requests are sent: fetch, or a fake. */
export type Send = (url: string, init: RequestInit) => Promise<Response>;

interface Options {
  readonly query?: object | undefined;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Typed methods for all operations. Each rejects with a Problem where the service does not answer as asked, and with an
 * AbortError where its signal was aborted. Bodies are trusted to be as the OpenAPI document has them.
 */
export class Api {
  readonly #base: string;
  readonly #token: string;
  readonly #send: Send;
  /** The service's clock, as the answers give it. */
  readonly clock = new ServiceClock();

  /** base is the absolute URL of the API, without a slash at the end: http://127.0.0.1:8080/x/api/v1. */
  constructor(base: string, token = '', send: Send = (url, init) => fetch(url, init)) {
    this.#base = base;
    this.#token = token;
    this.#send = send;
  }

  /** The absolute URL of a path of the API, for links and for the command line. */
  url(path: string, query: object = {}): string {
    const text = queryText(query);
    return text === '' ? this.#base + path : `${this.#base}${path}?${text}`;
  }

  runs(query: QueryOf<'list-runs'> = {}, signal?: AbortSignal): Promise<RunList> {
    return this.#json('/runs', { query, signal });
  }

  run(run: string, query: QueryOf<'get-run'> = {}, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run), { query, signal });
  }

  annotate(run: string, change: AnnotationChange, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run), { method: 'PATCH', ...jsonBody(change), signal });
  }

  async remove(run: string, signal?: AbortSignal): Promise<void> {
    await this.#answer(runPath(run), { method: 'DELETE', signal });
  }

  cancel(run: string, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run, '/cancel'), { method: 'POST', signal });
  }

  pause(run: string, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run, '/pause'), { method: 'POST', signal });
  }

  resume(run: string, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run, '/resume'), { method: 'POST', signal });
  }

  /** Continues with what a run has left, or starts a new one of the same workflow and parameters: it returns the one that runs now. */
  retry(run: string, query: QueryOf<'retry-run'> = {}, signal?: AbortSignal): Promise<RunSummary> {
    return this.#json(runPath(run, '/retry'), { method: 'POST', query, signal });
  }

  /**
   * Starts a run. Files go by the parameter that takes them. A second submission with the same idempotency key is
   * answered with the run of the first.
   */
  submit(
    submission: Submission,
    files: ReadonlyMap<string, File> = new Map(),
    idempotencyKey = '',
    signal?: AbortSignal,
  ): Promise<RunSummary> {
    const { headers, body } = files.size === 0 ? jsonBody(submission) : formBody(submission, files);
    const key = idempotencyKey === '' ? {} : { 'Idempotency-Key': idempotencyKey };
    return this.#json('/runs', { method: 'POST', headers: { ...headers, ...key }, body, signal });
  }

  graph(run: string, signal?: AbortSignal): Promise<Graph> {
    return this.#json(runPath(run, '/graph'), { signal });
  }

  layout(run: string, query: QueryOf<'get-layout'> = {}, signal?: AbortSignal): Promise<Layout> {
    return this.#json(runPath(run, '/layout'), { query, signal });
  }

  /** The static schedules of a run: what each root of its graph leads to. */
  schedules(run: string, query: QueryOf<'list-schedules'> = {}, signal?: AbortSignal): Promise<ScheduleList> {
    return this.#json(runPath(run, '/schedules'), { query, signal });
  }

  schedule(run: string, root: number, query: QueryOf<'get-schedule'> = {}, signal?: AbortSignal): Promise<Schedule> {
    return this.#json(runPath(run, `/schedules/${root}`), { query, signal });
  }

  /** The file that the run's workflow was made of, and where its steps are. */
  runSource(run: string, signal?: AbortSignal): Promise<RunSource> {
    return this.#json(runPath(run, '/source'), { signal });
  }

  /** Whether the run, its functions and its tasks took as long as usual. */
  judgement(run: string, query: QueryOf<'get-judgement'> = {}, signal?: AbortSignal): Promise<Judgement> {
    return this.#json(runPath(run, '/judgement'), { query, signal });
  }

  /** Since when runs of a workflow take another time. */
  trend(query: QueryOf<'get-trend'>, signal?: AbortSignal): Promise<Trend> {
    return this.#json('/trend', { query, signal });
  }

  /** What the makespan would have been; the query is text, as formatWhatIf writes it. */
  whatIf(run: string, query: string, signal?: AbortSignal): Promise<Answer> {
    const more = query === '' ? '' : `&${query}`;
    return this.#json(`${runPath(run, '/whatif')}?lanes=true${more}`, { signal });
  }

  /** What changed from a run to another, or from earlier good ones. */
  compare(query: QueryOf<'compare-runs'>, signal?: AbortSignal): Promise<Comparison> {
    return this.#json('/compare', { query, signal });
  }

  /** How long a run would take if it were submitted now. */
  predict(query: QueryOf<'get-prediction'>, signal?: AbortSignal): Promise<Prediction> {
    return this.#json('/predict', { query, signal });
  }

  /** When a run that is under way will end. */
  predictEnd(run: string, signal?: AbortSignal): Promise<EndPrediction> {
    return this.#json(runPath(run, '/predict'), { signal });
  }

  events(run: string, query: QueryOf<'list-events'> = {}, signal?: AbortSignal): Promise<EventList> {
    return this.#json(runPath(run, '/events'), { query, headers: { Accept: 'application/json' }, signal });
  }

  tasks(run: string, query: QueryOf<'list-tasks'> = {}, signal?: AbortSignal): Promise<TaskList> {
    return this.#json(runPath(run, '/tasks'), { query, signal });
  }

  task(run: string, node: number, signal?: AbortSignal): Promise<Task> {
    return this.#json(runPath(run, `/tasks/${node}`), { signal });
  }

  /** What a task that is being executed has logged after a position; the answer comes once there is more. */
  taskLog(run: string, node: number, query: QueryOf<'get-task-log'> = {}, signal?: AbortSignal): Promise<TaskLog> {
    return this.#json(runPath(run, `/tasks/${node}/log`), { query, signal });
  }

  runWorkers(run: string, signal?: AbortSignal): Promise<RunWorkerList> {
    return this.#json(runPath(run, '/workers'), { signal });
  }

  timeline(run: string, query: QueryOf<'get-timeline'> = {}, signal?: AbortSignal): Promise<Timeline> {
    return this.#json(runPath(run, '/timeline'), { query, signal });
  }

  runStats(run: string, query: QueryOf<'get-run-statistics'> = {}, signal?: AbortSignal): Promise<RunStatistics> {
    return this.#json(runPath(run, '/stats'), { query, signal });
  }

  /** Statistics across runs. */
  stats(query: QueryOf<'get-statistics'> = {}, signal?: AbortSignal): Promise<History> {
    return this.#json('/stats', { query, signal });
  }

  functions(query: QueryOf<'list-functions'> = {}, signal?: AbortSignal): Promise<Functions> {
    return this.#json('/functions', { query, signal });
  }

  /** The slowest tasks across runs. */
  slowest(query: QueryOf<'find-tasks'> = {}, signal?: AbortSignal): Promise<FoundTasks> {
    return this.#json('/tasks', { query, signal });
  }

  workflows(signal?: AbortSignal): Promise<WorkflowList> {
    return this.#json('/workflows', { signal });
  }

  workflow(name: string, signal?: AbortSignal): Promise<Workflow> {
    return this.#json(`/workflows/${encodeURIComponent(name)}`, { signal });
  }

  /** What the service is, and how more workers are started. */
  server(signal?: AbortSignal): Promise<Server> {
    return this.#json('/server', { signal });
  }

  workers(signal?: AbortSignal): Promise<WorkerList> {
    return this.#json('/workers', { signal });
  }

  /** A run in the format of another tool. */
  async export(run: string, format: QueryOf<'export-run'>['format'], signal?: AbortSignal): Promise<ArrayBuffer> {
    const response = await this.#answer(runPath(run, '/export'), { query: { format }, signal });
    try {
      return await response.arrayBuffer();
    } catch (cause) {
      throw cutOff(response, cause);
    }
  }

  /**
   * Imports the runs in files, which may belong together; the names are their paths. The text is the ID under which the
   * files of a dry run are held.
   */
  import(
    files: readonly { name: string; file: Blob }[] | string,
    query: Omit<QueryOf<'import-runs'>, 'held' | 'name'> = {},
    signal?: AbortSignal,
  ): Promise<Import> {
    if (typeof files === 'string') {
      return this.#json('/imports', { method: 'POST', query: { held: files, ...query }, signal });
    }
    const body = new FormData();
    for (const { name, file } of files) body.append(name, file);
    return this.#json('/imports', { method: 'POST', query, body, signal });
  }

  /** Releases the files of a dry run before their time. */
  async discardImport(held: string): Promise<void> {
    await this.#answer(`/imports/${encodeURIComponent(held)}`, { method: 'DELETE' });
  }

  async #json<T>(path: string, options: Options): Promise<T> {
    const response = await this.#answer(path, options);
    try {
      return JSON.parse(withoutTurning(await response.text())) as T;
    } catch (cause) {
      if (options.signal?.aborted === true) throw cause;
      throw cutOff(response, cause);
    }
  }

  async #answer(path: string, options: Options): Promise<Response> {
    const { query = {}, method = 'GET', body, signal } = options;
    const headers: Record<string, string> = { ...options.headers };
    if (this.#token !== '') headers['Authorization'] = `Bearer ${this.#token}`;
    const init: RequestInit = { method, headers, credentials: 'same-origin' };
    if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    let response: Response;
    const sentMs = Date.now();
    try {
      response = await this.#send(this.url(path, query), init);
      this.clock.learn(response.headers.get('Date'), sentMs, Date.now());
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw new Problem({ status: 0, title: 'The service cannot be reached', cause });
    }
    if (response.ok) return response;
    throw Problem.from(await problemDocument(response), response.status, requestIdOf(response));
  }
}

function runPath(run: string, below = ''): string {
  return `/runs/${encodeURIComponent(run)}${below}`;
}

/** Lists of words repeat the parameter, lists of numbers stand in one, separated by commas: as the document has them. */
function queryText(query: object): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, QueryValue][]) {
    if (value === undefined) continue;
    if (typeof value !== 'object') text.append(name, String(value));
    else if (value.every((one) => typeof one === 'number')) text.append(name, value.join(','));
    else for (const one of value) text.append(name, String(one));
  }
  return text.toString().replaceAll('%2C', ',');
}

function jsonBody(value: object): { headers: Record<string, string>; body: BodyInit } {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) };
}

/** The parts of a submission with files: `request`, then each file by its parameter. The browser adds the boundary. */
function formBody(
  submission: Submission,
  files: ReadonlyMap<string, File>,
): { headers: Record<string, string>; body: BodyInit } {
  const form = new FormData();
  form.append('request', new Blob([JSON.stringify(submission)], { type: 'application/json' }));
  for (const [parameter, file] of files) form.append(parameter, file, file.name);
  return { headers: {}, body: form };
}

async function problemDocument(response: Response): Promise<Partial<ProblemDocument>> {
  try {
    const document: unknown = await response.json();
    return typeof document === 'object' && document !== null ? document : {};
  } catch {
    return {}; // not from the service itself: only the status is known
  }
}

function cutOff(response: Response, cause: unknown): Problem {
  return new Problem({
    status: response.status,
    title: 'The answer is cut off',
    requestId: requestIdOf(response),
    cause,
  });
}

function requestIdOf(response: Response): string {
  return response.headers.get('X-Request-Id') ?? '';
}
