// The parts that functions of every level have in common: dims, facts, inputs, host scalars.
import type { DimVariable, Fact, GraphFunction, InputRole } from '../graph.ts';
import { numberText } from './writer.ts';
import type { Reader } from './reader.ts';

const kinds: readonly GraphFunction['kind'][] = ['entry', 'init', 'step', 'evaluate'];
const roles: readonly InputRole[] = [
  'argument',
  'param',
  'state',
  'cache',
  'slot',
  'option',
  'iteration',
  'key',
  'step',
];

/** Reads what a function is for. */
export const readKind = (reader: Reader): GraphFunction['kind'] => reader.choice(kinds);

/** Reads what an input is. */
export const readRole = (reader: Reader): InputRole => reader.choice(roles);

const variableText = ({ name, min, max }: DimVariable): string =>
  `${name} >= ${numberText(min)}${max === undefined ? '' : ` <= ${numberText(max)}`}`;

function factText({ kind, lhs, modulus }: Fact): string {
  if (kind === 'multiple') return `${lhs.key} % (${modulus?.key ?? '1'}) == 0`;
  return `${lhs.key} ${kind === '>=0' ? '>=' : '=='} 0`;
}

/** ` dims (b >= 1) facts (h % (8) == 0)`, each only where there is something to say. */
export function dimsText(dims: readonly DimVariable[], facts: readonly Fact[]): string {
  const variables = dims.length === 0 ? '' : ` dims (${dims.map(variableText).join(', ')})`;
  return variables + (facts.length === 0 ? '' : ` facts (${facts.map(factText).join(', ')})`);
}

/** Reads {@link dimsText}. */
export function readDims(reader: Reader): { dims: DimVariable[]; facts: Fact[] } {
  const dims = reader.accept('dims') ? (reader.expect('('), reader.list(')', () => readVariable(reader))) : [];
  const facts = reader.accept('facts') ? (reader.expect('('), reader.list(')', () => readFact(reader))) : [];
  return { dims, facts };
}

function readVariable(reader: Reader): DimVariable {
  const name = reader.word();
  reader.expect('>=');
  const min = reader.number();
  return reader.accept('<=') ? { name, min, max: reader.number() } : { name, min };
}

function readFact(reader: Reader): Fact {
  const lhs = reader.dim();
  if (!reader.accept('%')) {
    const kind = reader.choice(['>=', '==']) === '>=' ? '>=0' : '==0';
    reader.expect('0');
    return { kind, lhs };
  }
  reader.expect('(');
  const modulus = reader.dim();
  reader.expect(')');
  reader.expect('==');
  reader.expect('0');
  return { kind: 'multiple', lhs, modulus };
}
