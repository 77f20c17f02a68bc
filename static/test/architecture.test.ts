import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { check, checkSource } from './architecture/check';
import { circles } from './architecture/circles';
import { colourFiles, exceptions, most, wideTypes } from './architecture/rules';
import { readSource } from './architecture/source';

const src = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|svelte)$/.test(file));

const sources = files.map((file) => readSource(file, readFileSync(src + file, 'utf8')));

test('the source keeps to the rules', { timeout: 60_000 }, () => {
  expect(files.length).toBeGreaterThan(20);
  const breaches = sources.flatMap(checkSource);
  expect(breaches.map(({ rule, file, line, what }) => `${rule} ${file}:${line} ${what}`)).toEqual([]);
});

test('no files import each other, not even for types', () => {
  expect(circles(sources)).toEqual([]);
});

test('every exception is of a file that exists', () => {
  for (const file of [...Object.keys(exceptions), ...Object.keys(colourFiles)]) expect(files).toContain(file);
});

test('every type that may be wide is', () => {
  const wide = sources.flatMap(({ file, types }) =>
    types
      .filter(({ fields, methods }) => fields > most.fields || methods > most.methods)
      .map(({ name }) => `${file}#${name}`),
  );
  expect(wide.sort()).toEqual(Object.keys(wideTypes).sort());
});

/** Rules that a file breaks. */
function broken(file: string, code: string): string[] {
  return [...new Set(check(file, code).map(({ rule }) => rule))];
}

const members = (count: number, before: string, after: string) =>
  Array.from({ length: count }, (_, i) => `${before}${i}${after}`).join(';\n');

const component = (script: string, markup = '', style = '') =>
  `<script lang="ts">\n${script}\n</script>\n${markup}\n<style>${style}</style>`;

describe('is noticed:', () => {
  test.each([
    ['an import against the arrows', 'model/a.ts', "import { x } from '../live/b';", 'import'],
    ['one for its types alone', 'draw/a.ts', "import type { X } from '../view/b';", 'import'],
    ['one that exports again', 'live/a.ts', "export { x } from '../draw/b';", 'import'],
    ['one at run time', 'api/a.ts', "export const x = () => import('../live/b');", 'import'],
    ['one within a type', 'model/a.ts', "export type X = import('../api/b').Y;", 'import'],
    ['one of the wiring', 'view/parts/a.ts', "import { app } from '../../main';", 'import'],
    ['one out of src', 'model/a.ts', "import { x } from '../../test/b';", 'import'],
    ['a folder whose name only begins alike', 'draw/a.ts', "import { x } from '../model2/b';", 'import'],
    ['a package in the wrong folder', 'draw/a.ts', "import { tick } from 'svelte';", 'import'],
    ['a package that is not in the list', 'view/a.ts', "import _ from 'lodash';", 'import'],
    ['a path of a package', 'model/a.ts', "import { x } from 'svelte/store';", 'import'],
    ['an import of a component', 'input/a.ts', "import A from '../view/A.svelte';", 'import'],
    ['fetch outside of api', 'view/a.ts', "void fetch('/x');", 'alone'],
    ['fetch of the window', 'view/a.ts', "void window.fetch('/x');", 'alone'],
    ['a socket outside of live', 'view/a.ts', "new WebSocket('/x');", 'alone'],
    ['a canvas outside of draw, as a type', 'view/a.ts', 'let c: CanvasRenderingContext2D | undefined;', 'alone'],
    ['frames outside of draw', 'view/a.ts', 'requestAnimationFrame(() => undefined);', 'alone'],
    ['events outside of input', 'draw/a.ts', 'export function f(e: PointerEvent) {}', 'alone'],
    ['the document in model', 'model/a.ts', 'export const x = document.title;', 'pure'],
    ['a clock in model', 'model/a.ts', 'export const x = Date.now();', 'pure'],
    ['chance in model', 'model/a.ts', 'export const x = Math.random();', 'pure'],
    ['a long file', 'model/a.ts', 'export {};\n'.repeat(401), 'size'],
    ['a long function', 'model/a.ts', `export function f() {${'\n'.repeat(45)}}`, 'size'],
    ['a long method', 'model/a.ts', `export class A { f() {${'\n'.repeat(45)}} }`, 'size'],
    ['a very long function with a reason', 'model/a.ts', `// Long: why\nfunction f() {${'\n'.repeat(80)}}`, 'size'],
    ['a class of many fields', 'model/a.ts', `export class A { ${members(21, '#f', ' = 0')} }`, 'width'],
    ['one of many methods', 'model/a.ts', `export class A { ${members(31, 'm', '() {}')} }`, 'width'],
    ['one of many accessors', 'model/a.ts', `export class A { ${members(31, 'get m', '() { return 1; }')} }`, 'width'],
    ['a wide interface', 'model/a.ts', `export interface A { ${members(21, 'f', ': number;')} }`, 'width'],
    ['a name that says nothing', 'model/utils.ts', 'export {};', 'name'],
    ['a barrel', 'model/index.ts', 'export {};', 'name'],
    ['a file in camel case', 'model/runTable.ts', 'export {};', 'name'],
    ['a component in kebab case', 'view/run-page.svelte', '<p>x</p>', 'name'],
    ['a folder without a purpose', 'stuff/a.ts', 'export {};', 'name'],
    ['a colour in a string', 'draw/a.ts', "export const c = '#ff00aa';", 'colour'],
    ['a colour in a template', 'draw/a.ts', 'export const c = (a: number) => `rgb(0 0 0 / ${a})`;', 'colour'],
  ])('%s', (_, file, code, rule) => {
    expect(broken(file, code)).toEqual([rule]);
  });

  test.each([
    ['an import against the arrows', 'view/A.svelte', component("import { x } from '../main';"), 'import'],
    ['fetch in a script', 'view/A.svelte', component("void fetch('/x');"), 'alone'],
    ['fetch in the markup', 'view/A.svelte', component('', "<button onclick={() => fetch('/x')}>x</button>"), 'alone'],
    [
      'an event type in the markup',
      'view/A.svelte',
      component('', '<p onclick={(e: PointerEvent) => e}></p>'),
      'alone',
    ],
    ['a long component', 'view/A.svelte', '<p>x</p>\n'.repeat(201), 'size'],
    ['a long function', 'view/A.svelte', component(`function f() {${'\n'.repeat(46)}}`), 'size'],
    ['a colour in a style', 'view/A.svelte', component('', '', 'p { color: #fff; }'), 'colour'],
    ['a colour in the markup', 'view/A.svelte', component('', '<path fill="#123456" />'), 'colour'],
  ])('%s of a component', (_, file, code, rule) => {
    expect(broken(file, code)).toEqual([rule]);
  });
});

describe('is no breach:', () => {
  test.each([
    ['what the arrows allow', 'live/a.ts', "import type { X } from '../api/b'; import { y } from '../model/c';"],
    ['the wiring', 'main.ts', "import { mount } from 'svelte'; import { x } from './live/a'; mount(x);"],
    ['a member that bears a name', 'view/a.ts', 'export const x = (api: { fetch(): void }) => { api.fetch(); };'],
    ['a key that bears a name', 'view/a.ts', 'export const x = { fetch: 1 };'],
    ['a name in a comment or a text', 'model/a.ts', "// fetch, document\nexport const x = 'a WebSocket';"],
    [
      'a function that is long with a reason',
      'model/a.ts',
      `export function f() {\n// Long: one table${'\n'.repeat(50)}}`,
    ],
    [
      'a private field that looks like a colour',
      'model/a.ts',
      'export class A { #feed = 1; get x() { return this.#feed; } }',
    ],
    ['a colour by its role', 'view/A.svelte', component('', '<p class="x">&#8203;</p>', 'p { color: var(--ink); }')],
    [
      'a type at the limits',
      'model/a.ts',
      `export class A { ${members(20, 'f', ' = 0')}; ${members(30, 'm', '() {}')} }`,
    ],
    ['its own browser names', 'input/a.ts', 'export function f(e: PointerEvent) { return e.buttons; }'],
  ])('%s', (_, file, code) => {
    expect(check(file, code)).toEqual([]);
  });
});

/** Circles in a tree that is given as code by file. */
function circlesIn(tree: Readonly<Record<string, string>>): string[][] {
  return circles(Object.entries(tree).map(([file, code]) => readSource(file, code)));
}

describe('a circle is noticed:', () => {
  test.each<[string, Record<string, string>, string[]]>([
    [
      'of two files',
      { 'model/a.ts': "import { b } from './b';", 'model/b.ts': "import { a } from './a';" },
      ['model/a.ts', 'model/b.ts'],
    ],
    [
      'of types alone',
      { 'draw/a.ts': "import type { B } from './b';", 'draw/b.ts': "import { type A } from './a';" },
      ['draw/a.ts', 'draw/b.ts'],
    ],
    [
      'of a type within a type',
      { 'model/a.ts': "export type X = import('./b').Y;", 'model/b.ts': "export type { X } from './a';" },
      ['model/a.ts', 'model/b.ts'],
    ],
    [
      'of three files in three folders',
      {
        'view/state/a.svelte.ts': "import { b } from '../parts/b';",
        'view/parts/b.ts': "import C from '../panels/C.svelte';",
        'view/panels/C.svelte': component("import type { A } from '../state/a.svelte';"),
      },
      ['view/panels/C.svelte', 'view/parts/b.ts', 'view/state/a.svelte.ts'],
    ],
    ['of a file with itself', { 'model/a.ts': "import { x } from './a';" }, ['model/a.ts']],
    [
      'next to a chain that leads into it and out of it',
      {
        'model/a.ts': "import { b } from './b'; import { d } from './d';",
        'model/b.ts': "import { c } from './c';",
        'model/c.ts': "import { b } from './b'; import { d } from './d';",
        'model/d.ts': 'export const d = 1;',
      },
      ['model/b.ts', 'model/c.ts'],
    ],
  ])('%s', (_, tree, circle) => {
    expect(circlesIn(tree)).toEqual([circle]);
  });

  test('but not where two ways lead to one file', () => {
    const tree = {
      'model/a.ts': "import { b } from './b'; import { c } from './c';",
      'model/b.ts': "import { c } from './c';",
      'model/c.ts': "import { readFile } from 'svelte';",
    };
    expect(circlesIn(tree)).toEqual([]);
  });
});
