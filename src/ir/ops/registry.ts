// All primitive ops. Documentation, the verifier and the property suite are derived from this list.
import { CompilerBug } from '../../support/diagnostic.ts';
import type { OpDefinition } from '../op.ts';
import argreduce from './argreduce.ts';
import argsort from './argsort.ts';
import barrier from './barrier.ts';
import bitcast from './bitcast.ts';
import broadcast from './broadcast.ts';
import cast from './cast.ts';
import concat from './concat.ts';
import constant from './constant.ts';
import conv from './conv.ts';
import copy from './copy.ts';
import cumreduce from './cumreduce.ts';
import dim from './dim.ts';
import dot from './dot.ts';
import dynamicSlice from './dynamic-slice.ts';
import dynamicUpdateSlice from './dynamic-update-slice.ts';
import foldIn from './fold-in.ts';
import foldPath from './fold-path.ts';
import gather from './gather.ts';
import gradient from './gradient.ts';
import inverseOrder from './inverse-order.ts';
import iota from './iota.ts';
import pad from './pad.ts';
import permute from './permute.ts';
import randomBits from './random-bits.ts';
import reduce from './reduce.ts';
import reshape from './reshape.ts';
import { binaryOps } from './scalar-binary.ts';
import { unaryOps } from './scalar.ts';
import scan from './scan.ts';
import scatter from './scatter.ts';
import select from './select.ts';
import slice from './slice.ts';
import stopGradient from './stop-gradient.ts';
import takeAlong from './take-along.ts';
import windowMax from './window-max.ts';
import windowPick from './window-pick.ts';
import windowSum from './window-sum.ts';
import windowUnpick from './window-unpick.ts';

/** The ops by family, in the order of the documentation. */
export const opFamilies: Readonly<Record<string, readonly OpDefinition[]>> = {
  'Elementwise, one operand': unaryOps,
  'Elementwise, two operands': binaryOps,
  'Choice and conversion': [select, cast, bitcast],
  Sources: [constant, iota, dim],
  Views: [reshape, permute, broadcast, slice, pad, concat],
  'Reductions and contractions': [reduce, argreduce, cumreduce, dot, conv],
  Windows: [windowSum, windowMax, windowPick, windowUnpick],
  Indexing: [gather, scatter, dynamicSlice, dynamicUpdateSlice],
  Order: [argsort, inverseOrder, takeAlong],
  Random: [randomBits, foldIn, foldPath],
  Control: [scan],
  Gradients: [stopGradient, copy, barrier, gradient],
};

/** Every op. */
export const allOps: readonly OpDefinition[] = Object.values(opFamilies).flat();

const byName: ReadonlyMap<string, OpDefinition> = new Map(allOps.map((op) => [op.name, op]));

/** The op of this name. @throws CompilerBug when there is none */
export function opNamed(name: string): OpDefinition {
  const op = byName.get(name);
  if (!op) throw new CompilerBug(`there is no op named '${name}'`);
  return op;
}
