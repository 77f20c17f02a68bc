import { describe, expect, it } from 'vitest';

import type { Param, Workflow } from '../../../src/api/schema';
import {
  changedParams,
  launchWords,
  predictionQuery,
  effectiveParams,
  emptyLaunch,
  type LaunchValues,
  problemsOf,
  rangeText,
  submissionOf,
} from '../../../src/view/pages/runs/launch';
import { parseDuration } from '../../../src/view/pages/runs/duration-text';

const param = (name: string, kind: Param['kind'], more: Partial<Param> = {}): Param => ({
  name,
  kind,
  help: '',
  required: false,
  ...more,
});

const workflow: Workflow = {
  name: 'sums',
  description: '',
  functions: [],
  dynamic: false,
  source: null,
  params: [
    param('n', 'int', { default: '8', min: 2, max: 100000 }),
    param('work', 'duration', { default: '0s', min: 0, max: 3600 }),
    param('rate', 'float', { default: '0.5' }),
    param('input', 'file', { required: true }),
  ],
};

const values = (params: Record<string, string>, more: Partial<LaunchValues> = {}): LaunchValues => ({
  ...emptyLaunch,
  files: new Map([['input', new File(['x'], 'my text.txt')]]),
  params,
  ...more,
});

describe('the form to launch a run', () => {
  it.each([
    ['90s', 90e9],
    ['1h30m', 5400e9],
    ['1.5s', 1.5e9],
    ['10ms', 10e6],
    ['250us', 250e3],
    [' 2m ', 120e9],
  ])('reads %s as Go does', (text, ns) => {
    expect(parseDuration(text)).toBe(ns);
  });

  it.each(['', '5', 's', '1 h', '-3s', '1h-'])('takes %j for no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('asks for a prediction of what differs from the defaults, where no file has to be sent', () => {
    const plain = { ...workflow, params: workflow.params.slice(0, 3) };
    const filled = values({ n: '64', work: '0s' }, { files: new Map() });
    expect(predictionQuery(plain, filled)).toEqual({ workflow: 'sums', parameter: ['n=64'] });
    expect(predictionQuery(plain, { ...filled, params: { n: 'x' } })).toBeUndefined();
    expect(predictionQuery(workflow, filled)).toBeUndefined();
    expect(predictionQuery(workflow, values({ n: '64' }))).toBeUndefined();
  });

  it('sends only what differs from the defaults', () => {
    expect(changedParams(workflow, { n: '8', work: '2s' })).toEqual({ work: '2s' });
    const sent = submissionOf(workflow, values({ n: '64' }, { tags: ' a, b ,a', deadline: '2m' }));
    expect(sent).toEqual({
      workflow: 'sums',
      params: { n: '64' },
      policy: 'fail-fast',
      upload: 'periodic=2s',
      tags: ['a', 'b'],
      deadline_ns: 120e9,
    });
  });

  it('compares runs by all parameters, defaults included', () => {
    expect(effectiveParams(workflow, { n: '64' })).toEqual({ n: '64', work: '0s', rate: '0.5' });
  });

  it('says at each field what is wrong with it', () => {
    const wrong = values({ n: '1.5', work: 'soon', rate: 'x' }, { files: new Map(), deadline: 'later' });
    expect(Object.keys(problemsOf(workflow, wrong)).sort()).toEqual(['deadline', 'input', 'n', 'rate', 'work']);
    expect(problemsOf(workflow, values({ n: '1' }))).toEqual({ n: 'Expected 2 to 100,000' });
    expect(problemsOf(workflow, values({ work: '2h' }))).toEqual({ work: 'Expected 0 to 3,600 s' });
    expect(problemsOf(workflow, values({}))).toEqual({});
  });

  it('names the range of a duration in seconds', () => {
    expect(workflow.params.map(rangeText)).toEqual(['2 to 100,000', '0 to 3,600 s', '', '']);
  });

  it('sends rules of placement that were changed, and says what is wrong with them', () => {
    const rules = { off: new Set(['no_inline'] as const), figures: { hold_for_ns: '5s' } };
    expect(submissionOf(workflow, values({}, { rules })).rules).toEqual({ no_inline: true, hold_for_ns: 5e9 });
    expect(submissionOf(workflow, values({})).rules).toBeUndefined();
    expect(launchWords(workflow, values({}, { rules }))).toContain(' --rules no-inline,hold=5s');
    const wrong = values({}, { rules: { off: new Set(), figures: { hold_for_ns: 'long' } } });
    expect(Object.keys(problemsOf(workflow, wrong))).toEqual(['rules.hold_for_ns']);
  });

  it('writes the command that does the same, quoted for a shell', () => {
    const command = launchWords(
      workflow,
      values({ n: '64' }, { tags: "it's, p=4", upload: 'shutdown', policy: 'continue' }),
    );
    expect(command).toBe(
      "run sums --set n=64 --set 'input=my text.txt' --policy continue --upload shutdown --tag 'it'\\''s' --tag p=4",
    );
    const made = { ...workflow, source: { file: 'my sums.yaml', text: '', cut: false } };
    expect(launchWords(made, values({ n: '64' }))).toMatch(/^run 'my sums.yaml' --set n=64 /);
  });
});
