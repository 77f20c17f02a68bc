import { describe, expect, it } from 'vitest';

import { Problem } from '../../../src/api/problem';
import type { Import, ImportedFile } from '../../../src/api/schema';
import { factsText, isPending, keptOf, previewOf } from '../../../src/view/pages/runs/import-drop';
import { importsOf } from '../../../src/view/pages/runs/imports.svelte';
import type { AppState } from '../../../src/view/state/app.svelte';
import { runSummary } from './run-summary';

const files = [{ name: 'a.csv', file: new File(['x'], 'a.csv') }];

function found(outcome: ImportedFile['outcome'], run = 'r', path = 'a.csv'): ImportedFile {
  return { path, format: 'table', outcome, run: runSummary({ run }) };
}

const bad: ImportedFile = { path: 'b', format: '', outcome: 'failed', error: 'it is empty' };
const held = { id: 'h', until: '2026-11-22T04:12:08Z' };

/** An app whose service answers by the function, and what it was asked. */
function fake(answer: (what: unknown, query: object) => Import) {
  const asked: unknown[][] = [];
  const api = {
    import: (what: unknown, query: object) => {
      asked.push([typeof what === 'string' ? what : 'files', query]);
      return Promise.resolve().then(() => answer(what, query));
    },
    discardImport: (id: string) => {
      asked.push(['discard', id]);
      return Promise.resolve();
    },
    remove: (run: string) => {
      asked.push(['remove', run]);
      return Promise.resolve();
    },
  };
  const app = { api, say: () => undefined, track: <T>(work: Promise<T>) => work } as unknown as AppState;
  return { imports: importsOf(app), again: () => importsOf(app), asked };
}

describe('what a drop would bring', () => {
  const preview = previewOf(1, files, '', { files: [found('imported'), found('unchanged', 's'), bad], held });

  it('asks about what would change something, and offers other columns for tables', () => {
    expect(preview.lines.map(isPending)).toEqual([true, false, false]);
    expect(preview.lines.map(({ text }) => text)).toEqual(['not kept yet', 'is kept already', 'it is empty']);
    expect(preview.lines.map(({ table }) => table?.length)).toEqual([1, 1, undefined]);
  });

  it('says what came of it, and why not', () => {
    const kept = keptOf(preview, { files: [found('imported'), found('unchanged', 's')] });
    expect(kept.lines.map((line) => [line.kept, line.text])).toEqual([
      [true, 'kept'],
      [false, 'is kept already'],
      [false, 'it is empty'],
    ]);
    const failed = keptOf(preview, { files: [{ ...bad, path: 'a.csv', error: 'no space left' }] });
    expect(failed.lines[0]).toMatchObject({ kept: false, text: 'no space left' });
    expect(isPending(failed.lines[0]!)).toBe(true);
  });

  it('has the facts of a run', () => {
    expect(factsText(runSummary(), 'utc')).toMatch(/^89 tasks, 45.4\ss, 22 Nov 2026 04:12:08\sUTC$/);
  });
});

describe('imports', () => {
  it('are there again after another page, and pending until they are kept or discarded', async () => {
    const { imports, again } = fake(() => ({ files: [found('imported')], held }));
    expect(imports.isPending).toBe(false);
    imports.hadNone();
    await imports.take(files);
    expect(imports.drops.length).toBe(2);
    expect(again().drops.map(({ held }) => held)).toEqual(['h']);
    expect(again().isPending).toBe(true);
    again().discard(again().drops[0]!);
    expect(imports.isPending).toBe(false);
    expect(fake(() => ({ files: [] })).imports).not.toBe(imports);
  });

  it('keep runs without sending the files again, one or all', async () => {
    const { imports, asked } = fake((_, query) =>
      'dry_run' in query
        ? { files: [found('imported'), found('imported', 's')], held }
        : { files: [found('imported')] },
    );
    await imports.take(files);
    const drop = imports.drops[0]!;
    await imports.keep(drop, drop.lines[0]);
    expect(imports.drops[0]!.lines.map(({ kept }) => kept)).toEqual([true, false]);
    await imports.undo(imports.drops[0]!, imports.drops[0]!.lines[0]!);
    imports.discard(imports.drops[0]!);
    expect(imports.drops).toEqual([]);
    expect(asked).toEqual([
      ['files', { dry_run: true }],
      ['h', { run: ['r'] }],
      ['remove', 'r'],
      ['discard', 'h'],
    ]);
  });

  it('send the files again where the service holds them no more', async () => {
    const { imports, asked } = fake((what, query) => {
      if ('dry_run' in query) return { files: [found('imported')], held };
      if (what === 'h') throw new Problem({ status: 404, title: 'Not Found' });
      return { files: [found('imported')] };
    });
    await imports.take(files, 'name=job');
    await imports.keep(imports.drops[0]!);
    expect(imports.drops[0]!.lines[0]!.text).toBe('kept');
    expect(imports.busy).toBe('');
    expect(asked).toEqual([
      ['files', { dry_run: true, mapping: 'name=job' }],
      ['h', { mapping: 'name=job' }],
      ['files', { mapping: 'name=job' }],
      ['discard', 'h'],
    ]);
  });

  it('show a failure and stay usable', async () => {
    const { imports } = fake(() => {
      throw new Problem({ status: 413, title: 'Too Large', detail: 'the body is too large' });
    });
    await imports.take(files);
    expect(imports.drops[0]!.lines[0]).toMatchObject({ file: 'a.csv', text: 'The body is too large.' });
    expect(imports.busy).toBe('');
  });
});
