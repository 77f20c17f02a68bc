import { describe, expect, it } from 'vitest';

import { functionLabel, taskLabel } from '../../src/draw/task-label';
import { TextMeasurer } from '../../src/draw/text-measurer';
import { GraphIndex } from '../../src/model/graph-index';
import { task } from '../../src/model/sentence';
import { nameOf, nodeNamed, ownNameOf, titleOf } from '../../src/model/task-names';
import { factsOf } from '../../src/view/state/inspect';
import { reportedInputs } from '../../src/view/state/task-inputs';
import { sortedTasks, taskRow } from '../../src/view/state/task-rows';
import { graphOf } from '../fake/graph-of';
import { tableOf } from '../fake/table-of';

const bare = graphOf(['model', 'model', 'test'], [[0, 2]]);
const graph = { ...bare, names: ['stg_orders', '', 'not_null_orders'] };
const index = new GraphIndex(graph, tableOf([]));

describe('a task with a name of its own', () => {
  it('is called by it, and keeps its identity', () => {
    expect([0, 1, 2].map((node) => nameOf(index, node))).toEqual(['stg_orders', 'model[1]', 'not_null_orders']);
    expect([0, 1, 2].map((node) => index.labelOf(node))).toEqual(['stg_orders', 'model[1]', 'not_null_orders']);
    expect([0, 1, 2].map((node) => index.identityOf(node))).toEqual(['model[0]', 'model[1]', 'test']);
    expect([0, 1].map((node) => titleOf(index, node))).toEqual(['stg_orders, model[0]', 'model[1]']);
    expect(task(index, 0)).toEqual({ kind: 'task', text: 'stg_orders', node: 0 });
  });

  it('is found by both', () => {
    expect(nodeNamed(index, 'stg_orders')).toBe(0);
    expect(nodeNamed(index, 'model[0]')).toBe(0);
    expect(nodeNamed(index, '')).toBe(-1);
    const found = (text: string): number[] => [
      ...sortedTasks(index, tableOf([]), { column: 'task', order: 'asc' }, text),
    ];
    expect(found('ORDERS')).toEqual([0, 2]);
    expect(found('model')).toEqual([0, 1]);
  });

  it('has both in tables, the inspector and the list of inputs', () => {
    expect(taskRow(index, tableOf([]), 0, 0)).toMatchObject({ label: 'stg_orders', title: 'stg_orders, model[0]' });
    expect(factsOf(index, tableOf([]), 0, 0)).toMatchObject({ name: 'stg_orders', identity: 'model[0]' });
    expect(factsOf(index, tableOf([]), 1, 0)).toMatchObject({ name: 'model[1]', identity: '' });
    const input = { from: 0, task: 'model[0]', source: 'store', bytes: 1, fetch_ns: 0 };
    const names = [{ ...input, name: 'stg_orders' }, input].map((one) => reportedInputs([one], () => null)[0]!.name);
    expect(names).toEqual(['stg_orders, model[0]', 'model[0]']);
  });
});

it('a graph without names has none, and names end before the nodes do', () => {
  expect(ownNameOf(new GraphIndex(bare, tableOf([])), 0)).toBe('');
  expect(ownNameOf(new GraphIndex({ ...bare, names: ['a'] }, tableOf([])), 2)).toBe('');
});

describe('labels of marks', () => {
  const measurer = new TextMeasurer((_, text) => text.length * 6);
  const label = (node: number, px: number): string => taskLabel({ index, measurer }, node, '', px);

  it('are names, with the middle cut out, down to what still says something', () => {
    expect([100, 66, 48].map((px) => label(2, px))).toEqual(['not_null_orders', 'not_n…rders', 'not_…ers']);
    expect(
      [30, 12].map((px) => label(2, px)),
      'its function, if that has room',
    ).toEqual(['test', '']);
    expect(label(0, 60)).toBe('stg_orders');
  });

  it('leave out what all functions share', () => {
    const processes = ['NF:SOME_PIPELINE:ALIGN', 'NF:SOME_PIPELINE:QC:TRIM'];
    const names = ['NF:SOME_PIPELINE:ALIGN (s1)', 'NF:SOME_PIPELINE:QC:TRIM (s1)'];
    const nextflow = new GraphIndex({ ...graphOf(processes), names }, tableOf([]));
    expect([0, 1].map((node) => nextflow.labelOf(node))).toEqual(['ALIGN (s1)', 'QC:TRIM (s1)']);
    expect(
      [0, 1].map((node) => nameOf(nextflow, node)),
      'the whole names are in titles',
    ).toEqual(names);
    const labels = [200, 72, 60].map((px) => taskLabel({ index: nextflow, measurer }, 1, '', px));
    expect(labels).toEqual(['NF:SOME_PIPELINE:QC:TRIM (s1)', 'QC:TRIM (s1)', 'TRIM (s1)']);
  });

  it('are functions with their numbers where there is no name', () => {
    expect(label(1, 60)).toBe('model[1]');
    expect(functionLabel(measurer, index.names[0]!, '', 60)).toBe('model');
  });
});
