// What a source file imports, names and holds, read with the parsers of TypeScript and Svelte.

import { parse } from 'svelte/compiler';
import ts from 'typescript';

export interface Found {
  readonly text: string;
  readonly line: number;
}

export interface Width {
  readonly name: string;
  readonly line: number;
  readonly fields: number;
  readonly methods: number;
}

export interface Source {
  /** Path below src. */
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly Found[];
  /** Free names, in values and types; of window and globalThis, what is read from them. Date.now as one. */
  readonly names: readonly Found[];
  readonly functions: readonly { readonly line: number; readonly lines: number; readonly isReasoned: boolean }[];
  /** Classes and interfaces; private members count, accessors are methods. */
  readonly types: readonly Width[];
  /** Texts that could be colours: strings, style sheets, attributes. */
  readonly texts: readonly Found[];
}

interface Parts {
  readonly imports: Found[];
  readonly names: Found[];
  readonly functions: { line: number; lines: number; isReasoned: boolean }[];
  readonly types: Width[];
  readonly texts: Found[];
}

/** Reads a .ts or .svelte file. */
export function readSource(file: string, code: string): Source {
  const parts: Parts = { imports: [], names: [], functions: [], types: [], texts: [] };
  if (file.endsWith('.svelte')) readComponent(code, parts);
  else readScript(file, code, 0, parts);
  return { file, lines: code.replace(/\n$/, '').split('\n').length, ...parts };
}

function readScript(file: string, code: string, linesBefore: number, parts: Parts): void {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const lineOf = (at: number) => linesBefore + source.getLineAndCharacterOfPosition(at).line + 1;
  const visit = (node: ts.Node): void => {
    const line = lineOf(node.getStart(source));
    const imported = importedBy(node);
    if (imported !== undefined) parts.imports.push({ text: imported, line });
    if (ts.isIdentifier(node) && isFree(node)) parts.names.push({ text: node.text, line });
    if (ts.isPropertyAccessExpression(node)) readMember(node, line, parts);
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) parts.texts.push({ text: node.text, line });
    if (isFunction(node)) {
      const lines = lineOf(node.getEnd()) - line + 1;
      const text = code.slice(node.getFullStart(), node.getEnd());
      parts.functions.push({ line, lines, isReasoned: /\/\/ Long: \S/.test(text) });
    }
    if ((ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) && node.name !== undefined)
      parts.types.push({ name: node.name.text, line, ...widthOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(source);
}

function widthOf({ members }: ts.ClassDeclaration | ts.InterfaceDeclaration): Pick<Width, 'fields' | 'methods'> {
  const list: readonly ts.Node[] = members;
  const isField = (member: ts.Node) => ts.isPropertyDeclaration(member) || ts.isPropertySignature(member);
  const isMethod = (member: ts.Node) =>
    ts.isMethodDeclaration(member) || ts.isMethodSignature(member) || ts.isAccessor(member);
  return { fields: list.filter(isField).length, methods: list.filter(isMethod).length };
}

function importedBy(node: ts.Node): string | undefined {
  let specifier: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier;
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    specifier = node.arguments[0];
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) specifier = node.argument.literal;
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
}

/** Names of members, keys and parameters of types are not uses of what bears the name elsewhere. */
function isFree(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent)) return parent.getChildAt(0) === node;
  const isNamed = 'name' in parent && parent.name === node;
  return !(isNamed && !ts.isShorthandPropertyAssignment(parent));
}

function readMember(node: ts.PropertyAccessExpression, line: number, parts: Parts): void {
  if (!ts.isIdentifier(node.expression)) return;
  const { text } = node.expression;
  const isGlobal = text === 'window' || text === 'globalThis' || text === 'self';
  parts.names.push({ text: isGlobal ? node.name.text : `${text}.${node.name.text}`, line });
}

function isFunction(node: ts.Node): boolean {
  return (
    (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) && 'body' in node && node.body !== undefined
  );
}

interface SvelteNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

function readComponent(code: string, parts: Parts): void {
  const root = parse(code, { modern: true });
  const lineOf = (at: number) => code.slice(0, at).split('\n').length;
  for (const script of [root.module, root.instance]) {
    if (!script) continue; // undefined where there is none, whatever the types say
    const { start, end } = script.content as unknown as { start: number; end: number };
    readScript('script.ts', code.slice(start, end), lineOf(start) - 1, parts);
  }
  if (root.css) {
    const { styles, start } = root.css.content;
    for (const [i, text] of styles.split('\n').entries()) parts.texts.push({ text, line: lineOf(start) + i });
  }
  readMarkup(root.fragment as unknown as SvelteNode, undefined, '', code, parts);
}

/** Expressions of the markup: as trees of ESTree with types, in which only names and texts matter. */
function readMarkup(node: SvelteNode, parent: SvelteNode | undefined, key: string, code: string, parts: Parts): void {
  const line = code.slice(0, node.start).split('\n').length;
  if (node.type === 'Identifier' && isFreeIn(parent, key)) parts.names.push({ text: String(node['name']), line });
  if (node.type === 'Literal') parts.texts.push({ text: String(node['value']), line });
  if (node.type === 'Text' && key === 'value') parts.texts.push({ text: String(node['data']), line });
  if (node.type === 'ImportExpression') parts.imports.push({ text: code.slice(node.start, node.end), line });
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) readMarkup(child, node, name, code, parts);
    }
  }
}

function isNode(value: unknown): value is SvelteNode {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}

function isFreeIn(parent: SvelteNode | undefined, key: string): boolean {
  if (parent === undefined) return true;
  if (parent.type === 'MemberExpression' && key === 'property') return parent['computed'] === true;
  return !(parent.type === 'Property' && key === 'key');
}
