// What only the service knows of the selected task: errors, logs, inputs. Fetched when the selection changes and when
// one of its attempts ends; never while the playhead moves.

import type { Api } from '../../api/client';
import type { Task } from '../../api/schema';
import { Resource } from './resource.svelte';
import { type InputLine, reportedInputs } from './task-inputs';

/** The error and the log of one attempt, as far as there are any. */
export interface AttemptEvidence {
  readonly key: string;
  readonly attempt: number;
  readonly error: {
    readonly kind: string;
    readonly message: string;
    readonly stack: string;
    /** Where, and how the process ended; empty where nothing is known. */
    readonly place: string;
  } | null;
  readonly log: string;
}

type ToldAttempt = Task['attempts'][number];

/** Evidence of the attempts that had ended by a moment and have any, the latest first. */
export function evidenceOf(attempts: readonly ToldAttempt[], atNs: number): AttemptEvidence[] {
  return attempts
    .filter((attempt) => attempt.updated_ns <= atNs && (attempt.error !== undefined || (attempt.log ?? '') !== ''))
    .map((attempt) => ({
      key: `${String(attempt.epoch)}/${String(attempt.attempt)}`,
      attempt: attempt.attempt,
      error: attempt.error === undefined ? null : errorOf(attempt.error),
      log: attempt.log ?? '',
    }))
    .reverse();
}

/** What a worker is called that no recording names. */
const UNKNOWN = 'unknown';

function errorOf(error: NonNullable<ToldAttempt['error']>): AttemptEvidence['error'] {
  const place = [
    error.exit_code === 0 ? '' : `exit code ${String(error.exit_code)}`,
    error.signal === '' ? '' : `signal ${error.signal}`,
    error.worker === '' || error.worker === UNKNOWN
      ? ''
      : `on ${error.worker}${error.host === '' ? '' : ` (${error.host})`}`,
  ];
  return {
    kind: error.kind,
    message: error.message,
    stack: error.stack,
    place: place.filter((part) => part !== '').join(', '),
  };
}

/** The detail of one task at a time; the last one stays until the next has come. */
export class TaskDetail {
  #resource: Resource<Task>;
  #api: Api;
  #run: string;
  #asked = '';

  constructor(api: Api, run: string, track: <V>(work: Promise<V>) => Promise<V>) {
    this.#api = api;
    this.#run = run;
    this.#resource = new Resource<Task>(track);
  }

  /** Asks for a task unless it is known already; `ended` says how many of its attempts have ended. */
  ask(node: number, ended: number): void {
    const asked = `${String(node)}:${String(ended)}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    if (node < 0) this.#resource.clear();
    else void this.#resource.load((signal) => this.#api.task(this.#run, node, signal));
  }

  /** The nodes are others now. */
  forget(): void {
    this.#asked = '';
    this.#resource.clear();
  }

  /** Asks again after a failure. */
  retry(node: number): void {
    void this.#resource.load((signal) => this.#api.task(this.#run, node, signal));
  }

  /** The detail of a node, undefined until it has come. */
  of(node: number): Task | undefined {
    const task = this.#resource.value;
    return task?.node === node ? task : undefined;
  }

  get error(): unknown {
    return this.#resource.error;
  }

  get loading(): boolean {
    return this.#resource.loading;
  }

  /** Inputs of an attempt as it reported them; undefined where it reported none. */
  inputsOf(
    node: number,
    life: { readonly epoch: number; readonly attempt: number },
    rate: (bytesPerSecond: number) => InputLine['rate'],
  ): InputLine[] | undefined {
    const found = this.of(node)?.attempts.find((one) => one.epoch === life.epoch && one.attempt === life.attempt);
    return found?.inputs === undefined ? undefined : reportedInputs(found.inputs, rate);
  }

  stop(): void {
    this.#resource.stop();
  }
}
