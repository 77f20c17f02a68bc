// Where source breaks the rules.

import {
  type Breach,
  colourFiles,
  emptyNames,
  exceptions,
  folders,
  most,
  notInModel,
  packages,
  ROOT,
  type Rule,
  wideTypes,
} from './rules';
import { type Found, readSource, type Source } from './source';

/** Breaches of one file; file is its path below src. */
export function check(file: string, code: string): Breach[] {
  return checkSource(readSource(file, code));
}

/** The same for a file that has been read. */
export function checkSource(source: Source): Breach[] {
  const breaches = [
    ...checkImports(source),
    ...checkNames(source),
    ...checkSizes(source),
    ...checkWidths(source),
    ...checkFileName(source),
    ...checkColours(source),
  ];
  return breaches.filter(({ rule }) => exceptions[source.file]?.rule !== rule);
}

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : ROOT;
}

function breach(rule: Rule, { file }: Source, { line, text }: Found, what: string): Breach {
  return { rule, file, line, what: `${text}: ${what}` };
}

/** The file that a relative import names, as a path below src. */
export function resolved(file: string, specifier: string): string {
  return new URL(specifier, `file:///src/${file}`).pathname.replace(/^\/(src\/)?/, (_, inside) =>
    inside ? '' : '../',
  );
}

function checkImports(source: Source): Breach[] {
  const folder = folderOf(source.file);
  const breaches: Breach[] = [];
  for (const found of source.imports) {
    const { text } = found;
    if (!text.startsWith('.')) {
      const owner = packages[text.split('/')[0]!];
      if (owner === undefined) breaches.push(breach('import', source, found, 'no package that the page may use'));
      else if (!owner.includes(folder)) breaches.push(breach('import', source, found, `not for ${folder || 'src'}`));
      continue;
    }
    const target = folderOf(resolved(source.file, text));
    const isAllowed = folder === ROOT || target === folder || folders[folder]?.imports.includes(target) === true;
    if (!isAllowed) breaches.push(breach('import', source, found, `${folder} must not import ${target || 'src'}`));
  }
  return breaches;
}

function checkNames(source: Source): Breach[] {
  const folder = folderOf(source.file);
  const breaches: Breach[] = [];
  for (const found of source.names) {
    const owner = Object.keys(folders).find((name) => folders[name]!.alone.includes(found.text));
    if (owner !== undefined && owner !== folder) {
      breaches.push(breach('alone', source, found, `only ${owner} may name it`));
    }
    if (folder === 'model' && notInModel.includes(found.text)) {
      breaches.push(breach('pure', source, found, 'model is pure'));
    }
  }
  return breaches;
}

function checkSizes(source: Source): Breach[] {
  const breaches: Breach[] = [];
  const isComponent = source.file.endsWith('.svelte');
  const limit = isComponent ? most.componentLines : most.fileLines;
  if (source.lines > limit) {
    const found = { text: `${source.lines} lines`, line: 1 };
    breaches.push(breach('size', source, found, `at most ${limit}`));
  }
  for (const { line, lines, isReasoned } of source.functions) {
    const allowed = isReasoned ? most.reasonedFunctionLines : most.functionLines;
    const found = { text: `function of ${lines} lines`, line };
    if (lines > allowed) breaches.push(breach('size', source, found, `at most ${allowed}`));
  }
  return breaches;
}

function checkWidths(source: Source): Breach[] {
  const wide = source.types.filter(({ fields, methods }) => fields > most.fields || methods > most.methods);
  return wide.flatMap(({ name, line, fields, methods }) => {
    if (`${source.file}#${name}` in wideTypes) return [];
    const found = { text: `${name} has ${fields} fields and ${methods} methods`, line };
    return breach('width', source, found, `at most ${most.fields} and ${most.methods}`);
  });
}

function checkFileName(source: Source): Breach[] {
  const name = source.file.slice(source.file.lastIndexOf('/') + 1);
  const stem = name.replace(/(\.svelte)?\.ts$|\.svelte$/, '');
  const found = { text: name, line: 1 };
  const breaches: Breach[] = [];
  if (emptyNames.includes(stem)) breaches.push(breach('name', source, found, 'says nothing about what it holds'));
  const shape = name.endsWith('.svelte') ? /^[A-Z][A-Za-z0-9]*$/ : /^[a-z0-9]+(-[a-z0-9]+)*$/;
  if (!shape.test(stem)) breaches.push(breach('name', source, found, 'kebab-case, components in PascalCase'));
  const folder = folderOf(source.file);
  if (folder !== ROOT && !(folder in folders))
    breaches.push(breach('name', source, found, 'no such folder in the plan'));
  return breaches;
}

const colour = /#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b|\b(?:rgb|hsl|oklch|lab)a?\(/i;

function checkColours(source: Source): Breach[] {
  if (source.file in colourFiles) return [];
  const found = source.texts.filter(({ text }) => colour.test(text));
  return found.map((one) => breach('colour', source, one, 'colours are roles in tokens.css'));
}
