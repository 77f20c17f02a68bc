// The form to launch a run, as plain data: what it sends, and the command that does the same.

import type { Param, Submission, Workflow } from '../../../api/schema';
import { parseDuration } from './duration-text';
import { allRules, ruleProblems, rulesOf, rulesText, type RuleValues } from './rules';
import { readTags } from './tags';

export const uploads = [
  { value: 'periodic=2s', label: 'periodic, every 2 s', hint: 'Loses at most 2 s of details if the process is killed' },
  { value: 'after_each_task', label: 'after each task', hint: 'Loses nothing, and costs a write per task' },
  { value: 'queue=256', label: 'by 256 tasks', hint: 'Loses at most 256 details if the process is killed' },
  { value: 'shutdown', label: 'at the end', hint: 'Costs least; a killed process loses the details of the run' },
] as const;

export const policies = [
  { value: 'fail-fast', label: 'ends the run' },
  { value: 'continue', label: 'skips what depends on it' },
] as const;

/** What is in the form. Values are text, as the service takes them; parameters that are absent have their defaults. */
export interface LaunchValues {
  readonly params: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, File>;
  readonly policy: (typeof policies)[number]['value'];
  readonly upload: (typeof uploads)[number]['value'];
  /** A duration as Go writes it; empty for the default. */
  readonly deadline: string;
  readonly tags: string;
  /** Of placement; they matter where several processes share the run. */
  readonly rules: RuleValues;
}

export const emptyLaunch: LaunchValues = {
  params: {},
  files: new Map(),
  policy: 'fail-fast',
  upload: 'periodic=2s',
  deadline: '',
  tags: '',
  rules: allRules,
};

/** Values that differ from the workflow's defaults, files left out. */
export function changedParams(workflow: Workflow, params: Readonly<Record<string, string>>): Record<string, string> {
  const changed: Record<string, string> = {};
  for (const param of workflow.params) {
    const value = params[param.name];
    if (param.kind !== 'file' && value !== undefined && value !== (param.default ?? '')) changed[param.name] = value;
  }
  return changed;
}

/** All parameters as a run would carry them: what was set over the defaults, files left out. */
export function effectiveParams(workflow: Workflow, params: Readonly<Record<string, string>>): Record<string, string> {
  const plain = workflow.params.filter((param) => param.kind !== 'file');
  return Object.fromEntries(plain.map((param) => [param.name, params[param.name] ?? param.default ?? '']));
}

export interface PredictionQuery {
  readonly workflow: string;
  readonly parameter: readonly string[];
}

/** What is asked of how long the run would take; undefined where the form has mistakes, or files, which are not sent for it. */
export function predictionQuery(workflow: Workflow, values: LaunchValues): PredictionQuery | undefined {
  if (values.files.size > 0 || Object.keys(problemsOf(workflow, values)).length > 0) return undefined;
  const changed = Object.entries(changedParams(workflow, values.params));
  return { workflow: workflow.name, parameter: changed.map(([name, value]) => `${name}=${value}`) };
}

/** Sizes of the chosen files by parameter, in bytes. */
export function sizesOf(files: ReadonlyMap<string, File>): Record<string, number> {
  return Object.fromEntries([...files].map(([name, file]) => [name, file.size]));
}

/** What is wrong with the form before the service is asked, by field. */
export function problemsOf(workflow: Workflow, values: LaunchValues): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const param of workflow.params) {
    const problem = problemOf(param, values);
    if (problem !== undefined) problems[param.name] = problem;
  }
  if (values.deadline.trim() !== '' && !parseDuration(values.deadline)) {
    problems['deadline'] = 'Expected a duration such as 90s or 1h30m';
  }
  return { ...problems, ...ruleProblems(values.rules) };
}

function problemOf(param: Param, values: LaunchValues): string | undefined {
  if (param.kind === 'file') return param.required && !values.files.has(param.name) ? 'A file is needed' : undefined;
  const text = (values.params[param.name] ?? param.default ?? '').trim();
  if (param.kind === 'int' && !/^[+-]?\d+$/.test(text)) return 'Expected a whole number';
  if (param.kind === 'float' && (text === '' || !Number.isFinite(Number(text)))) return 'Expected a number';
  if (param.kind === 'duration' && parseDuration(text) === undefined && text !== '0') {
    return 'Expected a duration such as 10ms or 1.5s';
  }
  const value = param.kind === 'duration' ? (parseDuration(text) ?? 0) / 1e9 : Number(text);
  if (param.min === undefined || param.max === undefined || !isNumeric(param)) return undefined;
  return value < param.min || value > param.max ? `Expected ${rangeText(param)}` : undefined;
}

function isNumeric(param: Param): boolean {
  return param.kind === 'int' || param.kind === 'float' || param.kind === 'duration';
}

/** '1 to 64', '0 to 10 s'; empty where there are no limits. */
export function rangeText(param: Param): string {
  if (param.min === undefined || param.max === undefined || !isNumeric(param)) return '';
  return `${param.min.toLocaleString('en')} to ${param.max.toLocaleString('en')}${param.kind === 'duration' ? ' s' : ''}`;
}

/** The request; files are sent along with it. */
export function submissionOf(workflow: Workflow, values: LaunchValues): Submission {
  const deadline = parseDuration(values.deadline);
  const tags = readTags(values.tags);
  const submission: Submission = {
    workflow: workflow.name,
    params: changedParams(workflow, values.params),
    policy: values.policy,
    upload: values.upload,
  };
  if (tags.length > 0) submission.tags = tags;
  if (deadline !== undefined) submission.deadline_ns = deadline;
  const rules = rulesOf(values.rules);
  if (rules !== undefined) submission.rules = rules;
  return submission;
}

/**
 * The words that launch the same run as a command of the program, quoted for a shell. One that was made of a file goes by it,
 * in its folder: the program alone does not know its name.
 */
export function launchWords(workflow: Workflow, values: LaunchValues): string {
  const words = ['run', workflow.source?.file ?? workflow.name];
  for (const [name, value] of Object.entries(changedParams(workflow, values.params))) {
    words.push('--set', `${name}=${value}`);
  }
  for (const param of workflow.params) {
    if (param.kind !== 'file') continue;
    // A browser does not reveal the folder of a file, and a command cannot do without a required one.
    const file = values.files.get(param.name)?.name ?? (param.required ? 'FILE' : undefined);
    if (file !== undefined) words.push('--set', `${param.name}=${file}`);
  }
  if (values.policy !== 'fail-fast') words.push('--policy', values.policy);
  if (values.deadline.trim() !== '') words.push('--deadline', values.deadline.trim());
  if (values.upload !== 'periodic=2s') words.push('--upload', values.upload);
  const rules = rulesText(values.rules);
  if (rules !== '') words.push('--rules', rules);
  for (const tag of readTags(values.tags)) words.push('--tag', tag);
  return words.map(quoted).join(' ');
}

/** A word for a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
