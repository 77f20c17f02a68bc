// The form to launch a run, as state.

import { Problem } from '../../../api/problem';
import type { BrokenFile, Param, RunSummary, Workflow, WorkflowList } from '../../../api/schema';
import type { AppState } from '../../state/app.svelte';
import { Resource } from '../../state/resource.svelte';
import { emptyLaunch, type LaunchValues, problemsOf, submissionOf } from './launch';
import { ruleField, type RuleFigure, ruleFigures, type RuleSwitch } from './rules';
import type { LaunchPrefill } from './runs-url';

/** Owned by the list's page, which makes one; a link may fill it in. */
export class LaunchForm {
  readonly workflows: Resource<WorkflowList>;
  #app: AppState;
  #name = $state('');
  #values: LaunchValues = $state.raw(emptyLaunch);
  #problems: Readonly<Record<string, string>> = $state.raw({});
  #error: unknown = $state.raw(undefined);
  #busy = $state(false);
  /** The same key until the run exists: a second click, or a retry after a lost answer, makes no second run. */
  #key = crypto.randomUUID();

  constructor(app: AppState) {
    this.#app = app;
    this.workflows = new Resource((work) => app.track(work));
  }

  async load(): Promise<void> {
    await this.workflows.load((signal) => this.#app.api.workflows(signal));
  }

  get offered(): readonly Workflow[] {
    return this.workflows.value?.workflows ?? [];
  }

  /** Files of workflows that have mistakes. */
  get broken(): readonly BrokenFile[] {
    return this.workflows.value?.broken ?? [];
  }

  /** The service follows files of workflows, so what is offered may change. */
  get followed(): boolean {
    return this.workflows.value?.followed ?? false;
  }

  /** The workflow that is launched: the chosen one, else the first. */
  get workflow(): Workflow | undefined {
    const all = this.offered;
    return all.find((workflow) => workflow.name === this.#name) ?? (this.#name === '' ? all[0] : undefined);
  }

  /** The chosen name, even where the service does not know it (a link from elsewhere). */
  get name(): string {
    return this.#name === '' ? (this.workflow?.name ?? '') : this.#name;
  }

  get values(): LaunchValues {
    return this.#values;
  }

  /** What is wrong, by field: parameters by name, `deadline`, and those of ruleField. */
  get problems(): Readonly<Record<string, string>> {
    return this.#problems;
  }

  /** Why the last launch failed, where no field is to blame. */
  get error(): unknown {
    return this.#error;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Another workflow: its own parameters from its defaults, what holds for all stays. */
  choose(name: string, params: Readonly<Record<string, string>> = {}): void {
    this.#name = name;
    this.#set({ ...this.#values, params, files: new Map() });
  }

  prefill(link: LaunchPrefill): void {
    this.choose(link.workflow, link.set);
  }

  /** The file that the run had which the form was filled in from, while no other is chosen; empty for none. */
  fileAgain(param: Param): string {
    if (param.kind !== 'file' || this.#values.files.has(param.name)) return '';
    const name = this.#values.params[param.name] ?? '';
    return name === param.default ? '' : name;
  }

  setParam(name: string, value: string): void {
    this.#set({ ...this.#values, params: { ...this.#values.params, [name]: value } });
    this.#excuse(name);
  }

  setFile(name: string, file: File | undefined): void {
    const files = new Map(this.#values.files);
    if (file === undefined) files.delete(name);
    else files.set(name, file);
    this.#set({ ...this.#values, files });
    this.#excuse(name);
  }

  change(change: Partial<Pick<LaunchValues, 'policy' | 'upload' | 'deadline' | 'tags'>>): void {
    this.#set({ ...this.#values, ...change });
    if (change.deadline !== undefined) this.#excuse('deadline');
  }

  /** Lets a rule hold, or switches it off. */
  switchRule(off: RuleSwitch['off'], holds: boolean): void {
    const { rules } = this.#values;
    const next = new Set(rules.off);
    if (holds) next.delete(off);
    else next.add(off);
    this.#set({ ...this.#values, rules: { ...rules, off: next } });
  }

  setRule(name: RuleFigure['name'], text: string): void {
    const { rules } = this.#values;
    this.#set({ ...this.#values, rules: { ...rules, figures: { ...rules.figures, [name]: text } } });
    this.#excuse(ruleField(name));
  }

  /** Launches; undefined where something is wrong, which the fields then say. */
  async launch(): Promise<RunSummary | undefined> {
    const workflow = this.workflow;
    if (workflow === undefined || this.#busy) return undefined;
    this.#problems = problemsOf(workflow, this.#values);
    this.#error = undefined;
    if (Object.keys(this.#problems).length > 0) return undefined;
    this.#busy = true;
    try {
      const submission = submissionOf(workflow, this.#values);
      const run = await this.#app.track(this.#app.api.submit(submission, this.#values.files, this.#key));
      this.#key = crypto.randomUUID();
      return run;
    } catch (error) {
      this.#blame(workflow, error);
      return undefined;
    } finally {
      this.#busy = false;
    }
  }

  #set(values: LaunchValues): void {
    this.#values = values;
    this.#key = crypto.randomUUID();
  }

  #excuse(field: string): void {
    if (this.#problems[field] === undefined) return;
    this.#problems = Object.fromEntries(Object.entries(this.#problems).filter(([name]) => name !== field));
  }

  /** Puts what the service says at the fields that it speaks of, and the rest above the button. */
  #blame(workflow: Workflow, error: unknown): void {
    const fields: Record<string, string> = {};
    for (const { location, message } of error instanceof Problem ? error.errors : []) {
      const name = location?.replace(/^body\.(request\.)?(params\.)?/, '') ?? '';
      const isParam = workflow.params.some((param) => param.name === name);
      if (isParam || ruleFigures.some((figure) => ruleField(figure.name) === name)) fields[name] = message;
      else if (name === 'deadline_ns') fields['deadline'] = message;
    }
    this.#problems = fields;
    if (Object.keys(fields).length === 0) this.#error = error;
  }
}
