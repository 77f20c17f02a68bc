// The file of a workflow: its lines in pieces to colour, and which step a task is of.

/** Where a step is in the file; lines count from 1. */
export interface StepLines {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

export type PieceKind = 'plain' | 'key' | 'comment' | 'text' | 'expression';

/** A part of a line; the parts of a line together are the line. */
export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
}

/**
 * The step whose task a function is, undefined where it is of none. Functions are named after their step; what takes a
 * part of its values, or lists them, is named after it with a word behind a dot.
 */
export function stepOf<S extends StepLines>(steps: readonly S[], functionName: string): S | undefined {
  let found: S | undefined;
  for (const step of steps) {
    const isOf = functionName === step.path || functionName.startsWith(`${step.path}.`);
    if (isOf && step.path.length > (found?.path.length ?? -1)) found = step;
  }
  return found;
}

/** The step that a line is of: the innermost. */
export function stepAt<S extends StepLines>(steps: readonly S[], line: number): S | undefined {
  return steps.findLast(({ from, to }) => from <= line && line <= to);
}

/** A key with its colon; what follows a list's dash may be one. */
const KEY = /^(\s*(?:- +)*)([\w.-]+|"[^"]*"|'[^']*')(?=:(?:\s|$))/;
/** What else is told apart, whichever comes first: an expression, a text in quotes, a comment. */
const REST = /(\$\{\{.*?\}\})|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|((?:^|\s)#.*$)/g;

/** The pieces of one line. It knows YAML only as far as a line by itself shows it. */
export function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = [];
  const add = (kind: PieceKind, text: string): void => void (text !== '' && pieces.push({ kind, text }));
  const key = KEY.exec(line);
  let from = 0;
  if (key) {
    add('plain', key[1]!);
    add('key', key[2]!);
    from = key[0].length;
  }
  const rest = line.slice(from);
  let done = 0;
  for (const match of rest.matchAll(REST)) {
    const [whole, expression, quoted] = match;
    add('plain', rest.slice(done, match.index));
    if (expression !== undefined) add('expression', whole);
    else if (quoted !== undefined) addText(add, whole);
    else add('comment', whole);
    done = match.index + whole.length;
  }
  add('plain', rest.slice(done));
  return pieces;
}

/** Expressions count within texts as well. */
function addText(add: (kind: PieceKind, text: string) => void, quoted: string): void {
  for (const part of quoted.split(/(\$\{\{.*?\}\})/)) add(part.startsWith('${{') ? 'expression' : 'text', part);
}
