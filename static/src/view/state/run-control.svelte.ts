// What the page asks the service to do with a run.

import { Problem } from '../../api/problem';
import type { RunSummary } from '../../api/schema';
import { allRuns, formatRunsUrl } from '../pages/runs/runs-url';
import { openInPerfetto, type Host } from './perfetto';
import type { RunView } from './run.svelte';

/** Where a run is launched by hand: its files are not kept, or its parameters no longer parse. */
const CONFLICT = 409;

/** Commands on one run, one at a time; what went wrong stays until the next. */
export class RunControl {
  readonly #view: RunView;
  #busy = $state(false);
  #problem = $state('');

  constructor(view: RunView) {
    this.#view = view;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Why the last command did not work; empty where it did. */
  get problem(): string {
    return this.#problem;
  }

  pause(): Promise<void> {
    return this.#do('paused', () => this.#view.app.api.pause(this.#view.run));
  }

  resume(): Promise<void> {
    return this.#do('resumed', () => this.#view.app.api.resume(this.#view.run));
  }

  cancel(): Promise<void> {
    return this.#do('being cancelled', () => this.#view.app.api.cancel(this.#view.run));
  }

  /** What has not ended well of the run can be done again, as its next revision. */
  get canContinue(): boolean {
    const { status } = this.#view.summaryNow;
    return (status === 'failed' || status === 'cancelled') && this.#view.app.server.shared;
  }

  /** It has ended, is not a recording (which has no workflow to launch), and is not to be continued. */
  get canRunAgain(): boolean {
    const { live, imported } = this.#view.summaryNow;
    return !live && imported === null && !this.canContinue;
  }

  /** Continues with what the run has left. Where nothing is left, that is a new run. */
  continueRun(): Promise<void> {
    return this.#launch({});
  }

  /** Starts the same again and opens it; where that needs a file, the form to launch it. */
  again(): Promise<void> {
    return this.#launch(this.canContinue ? { new: true } : {});
  }

  /** Opens the run in Perfetto; to be called during a click, since browsers open windows only then. */
  async openInPerfetto(host: Host): Promise<void> {
    const { app, run, summaryNow } = this.#view;
    this.#problem = '';
    try {
      await openInPerfetto(host, () => app.track(app.api.export(run, 'chrome')), summaryNow.name);
      app.say('Perfetto has the trace');
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
  }

  async #launch(query: { readonly new?: boolean }): Promise<void> {
    const { app, run, source, summaryNow } = this.#view;
    this.#busy = true;
    this.#problem = '';
    try {
      const next = await app.track(app.api.retry(run, query));
      if (next.run === run) {
        source.takeSummary(next);
        app.say(`${next.name} continues as revision ${String(next.revision)}`);
        return;
      }
      app.say(`${next.name} started`);
      app.navigate(`/runs/${encodeURIComponent(next.run)}`);
    } catch (error) {
      if (error instanceof Problem && error.status === CONFLICT) {
        app.say('Choose its files again');
        app.navigate(formatRunsUrl(allRuns, { workflow: summaryNow.workflow, set: summaryNow.params }));
        return;
      }
      this.#fail(error);
    } finally {
      this.#busy = false;
    }
  }

  async #do(done: string, ask: () => Promise<RunSummary>): Promise<void> {
    const { app, source } = this.#view;
    this.#busy = true;
    this.#problem = '';
    try {
      source.takeSummary(await app.track(ask()));
      app.say(`${this.#view.summaryNow.name} ${done}`);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#busy = false;
    }
  }

  #fail(error: unknown): void {
    this.#problem = error instanceof Error ? error.message : String(error);
  }
}
