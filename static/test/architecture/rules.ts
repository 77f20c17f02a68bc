// What the source of the dashboard must keep to: STYLE-frontend, sections 1, 13 and 15, as data.

/** One purpose each; which other folders it may import, and which names no other may use. */
export const folders: Readonly<
  Record<string, { readonly imports: readonly string[]; readonly alone: readonly string[] }>
> = {
  model: { imports: [], alone: [] },
  api: { imports: ['model'], alone: ['fetch', 'XMLHttpRequest'] },
  live: { imports: ['model', 'api'], alone: ['WebSocket', 'EventSource'] },
  draw: {
    imports: ['model'],
    alone: [
      'CanvasRenderingContext2D',
      'OffscreenCanvasRenderingContext2D',
      'requestAnimationFrame',
      'cancelAnimationFrame',
    ],
  },
  input: { imports: ['model'], alone: ['PointerEvent', 'KeyboardEvent', 'WheelEvent'] },
  view: { imports: ['model', 'api', 'live', 'draw', 'input'], alone: [] },
};

/** main.ts and whatever else stands in src itself wires all of them. */
export const ROOT = '';

/** Packages, and the folders that may import them. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  svelte: ['view', ROOT],
  uplot: ['view'],
};

/** What model must not name: it is pure, and time comes in from outside. */
export const notInModel: readonly string[] = [
  'window',
  'document',
  'navigator',
  'location',
  'history',
  'performance',
  'localStorage',
  'sessionStorage',
  'setTimeout',
  'setInterval',
  'queueMicrotask',
  'Date.now',
  'Math.random',
];

/** Most lines. More than reasoned never goes; more than the first needs a comment `Long:` that says why. */
export const most = {
  fileLines: 400,
  componentLines: 200,
  functionLines: 45,
  reasonedFunctionLines: 80,
  /** Of a class or an interface: wider ones do several things, or are a table's columns. */
  fields: 20,
  methods: 30,
} as const;

/** Files that may break a rule, each with the reason. */
export const exceptions: Readonly<Record<string, { readonly rule: Rule; readonly reason: string }>> = {
  'api/schema.ts': { rule: 'size', reason: 'generated from the OpenAPI document' },
};

/** Types that may be wider, as file#name, each with the reason. */
export const wideTypes: Readonly<Record<string, string>> = {
  'model/run-table.ts#RunTable': 'a field for each column of an attempt, as the frames of the live stream have them',
  'model/run-fold.ts#RunColumns': 'the writer of that table: the same columns',
  'api/client.ts#Api': 'one method for each operation of the REST API that the page uses',
  'api/schema.ts#operations': 'generated from the OpenAPI document',
  'api/schema.ts#paths': 'generated from the OpenAPI document',
  'view/parts/LanesCanvas.svelte#Props': 'a prop for each thing shown, so that each is followed by itself',
  'draw/palette.ts#Palette': 'a field for each role of tokens.css that canvases paint with',
  'view/state/run-source.svelte.ts#RunSource': 'one getter for each part of what a run is shown from',
};

/** Names that say nothing about what a file holds. */
export const emptyNames: readonly string[] = ['index', 'util', 'utils', 'helper', 'helpers', 'common', 'misc', 'types'];

/** Files that may have colours of their own, each with the reason. */
export const colourFiles: Readonly<Record<string, string>> = {
  'draw/palette.ts': 'a missing token paints hot pink',
};

export type Rule = 'import' | 'alone' | 'pure' | 'size' | 'width' | 'name' | 'colour';

/** A line of source that breaks a rule. */
export interface Breach {
  readonly rule: Rule;
  readonly file: string;
  readonly line: number;
  readonly what: string;
}
