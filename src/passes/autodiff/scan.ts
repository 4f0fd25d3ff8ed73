// The gradient of a scan is a scan that runs the other way. The forward scan also stacks the carries
// it starts each step from; the backward step computes its forward step again from those, pulls the
// cotangents back through it, and adds up what arrives at values from outside the loop. Sums of
// products among these (weight gradients) leave the loop: their operands are stacked and contracted
// once over all steps.
import { Builder } from '../../ir/builder.ts';
import { isFloat } from '../../ir/dtype.ts';
import { operandsOf } from '../../ir/gradient-reach.ts';
import type { Attrs, Node, Region, Value } from '../../ir/graph.ts';
import { dimOf, numbersOf, pairsOf } from '../../ir/ops/attributes.ts';
import { scanParts } from '../../ir/ops/scan.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { dependents, pullBack, type Seed } from './pull-back.ts';

function bodyOf(node: Node): Region {
  const [region] = node.regions;
  if (!region) throw new CompilerBug(`${node.op} without a region`);
  return region;
}

/** Makes every scan of `nodes` that `active` values pass through stack its carries, in place, once. */
export function saveCarries(nodes: Node[], active: ReadonlySet<Value>): void {
  nodes.forEach((node, at) => {
    if (node.op !== 'scan' || 'saved' in node.attrs || !operandsOf(node).some((value) => active.has(value))) return;
    const region = bodyOf(node);
    const { carries } = scanParts(region.params.slice(1), node.attrs);
    const length = dimOf(node.attrs, 'length');
    const stacks = carries.map(({ type }): Value => ({ type: { dtype: type.dtype, shape: [length, ...type.shape] } }));
    nodes[at] = {
      ...node,
      attrs: { ...node.attrs, saved: node.outputs.length },
      outputs: [...node.outputs, ...stacks],
      regions: [{ ...region, results: [...region.results, ...carries] }],
    };
  });
}

/** A copy of a region's nodes with `given` in place of its params. */
function instantiate(region: Region, given: readonly Value[]): { nodes: Node[]; results: Value[] } {
  const renamed = new Map(region.params.map((param, at): [Value, Value] => [param, given[at] ?? param]));
  const nodes = copyNodes(region.nodes, renamed);
  return { nodes, results: region.results.map((value) => renamed.get(value) ?? value) };
}

function copyNodes(nodes: readonly Node[], renamed: Map<Value, Value>): Node[] {
  const of = (value: Value): Value => renamed.get(value) ?? value;
  const fresh = (value: Value): Value => {
    const copy = { ...value };
    renamed.set(value, copy);
    return copy;
  };
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(of),
    regions: node.regions.map((region) => ({
      params: region.params.map(fresh), nodes: copyNodes(region.nodes, renamed), results: region.results.map(of),
    })),
    outputs: node.outputs.map(fresh),
  }));
}

/** Values from outside the region that take part in gradients. */
function capturedIn(region: Region, active: ReadonlySet<Value>): Value[] {
  const used = new Set([...region.nodes.flatMap(operandsOf), ...region.results]);
  return [...used].filter((value) => active.has(value));
}

/** A contribution that can be computed after the loop from stacked operands. */
interface Sunk {
  readonly operands: readonly Value[];
  readonly finish: (b: Builder, stacked: readonly Value[]) => Value;
}

const shifted = (attrs: Attrs, name: string): [number, number][] => pairsOf(attrs, name).map(([a, b]) => [a + 1, b + 1]);

// dW = Σ_t aₜ·bₜ is one contraction over t as well; Σ_t of a sum over axes is a sum over one more.
function sink(value: Value, made: ReadonlyMap<Value, Node>): Sunk | undefined {
  const node = made.get(value);
  const inside = (operand: Value | undefined): operand is Value => operand !== undefined;
  if (!node) return undefined;
  const [x, y] = node.inputs;
  switch (node.op) {
    case 'dot':
      if (!inside(x) || !inside(y)) return undefined;
      return {
        operands: [x, y],
        finish: (b, [p, q]) => b.op('dot', [p ?? x, q ?? y], {
          batch: shifted(node.attrs, 'batch'), contract: [[0, 0], ...shifted(node.attrs, 'contract')],
        }),
      };
    case 'reduce': {
      if (!inside(x) || node.attrs['kind'] !== 'sum') return undefined;
      const axes = [0, ...numbersOf(node.attrs, 'axes').map((axis) => axis + 1)];
      return { operands: [x], finish: (b, [p]) => b.reduce('sum', p ?? x, axes) };
    }
    case 'permute': case 'reshape': {
      const inner = x && sink(x, made);
      return inner && { operands: inner.operands, finish: (b, stacked) => b.op(node.op, [inner.finish(b, stacked)], node.attrs) };
    }
    case 'add': {
      const [left, right] = [x && sink(x, made), y && sink(y, made)];
      if (!left || !right) return undefined;
      const split = left.operands.length;
      return {
        operands: [...left.operands, ...right.operands],
        finish: (b, stacked) => b.add(left.finish(b, stacked.slice(0, split)), right.finish(b, stacked.slice(split))),
      };
    }
    default:
      return undefined;
  }
}

/** Cotangents of the operands of a scan and of the outer values that its region uses. */
export function pullBackScan(b: Builder, node: Node, arriving: readonly (Value | null)[], active: ReadonlySet<Value>): Seed[] {
  const region = bodyOf(node);
  const { attrs } = node;
  const first = attrs['saved'];
  if (typeof first !== 'number') throw new CompilerBug('a scan was differentiated before its carries were saved');
  const length = dimOf(attrs, 'length');
  const { carries: initial, sliced } = scanParts(node.inputs, attrs);
  const saved = node.outputs.slice(first);
  const captured = capturedIn(region, active);
  const floats = initial.map(({ type }) => isFloat(type.dtype));
  const outs = node.outputs.slice(initial.length, first).map((out, at) => ({ out, ct: arriving[initial.length + at] ?? null }));
  const stackedCts = outs.flatMap(({ out, ct }) => (isFloat(out.type.dtype) ? [ct ?? b.zero(out)] : []));

  // One backward step: params are (t, carry cotangents, sums, saved carries, slices, out cotangents).
  const param = (type: Value['type']): Value => ({ type });
  const sliceOf = ({ type }: Value): Value => param({ dtype: type.dtype, shape: type.shape.slice(1) });
  const t = param({ dtype: 'i32', shape: [] });
  const carryCts = initial.filter((_, at) => floats[at]).map(({ type }) => param(type));
  const sums = captured.map(({ type }) => param(type));
  const starts = saved.map(sliceOf);
  const slices = sliced.map(sliceOf);
  const outCts = stackedCts.map(sliceOf);

  const step = instantiate({ ...region, results: region.results.slice(0, first) }, [t, ...starts, ...slices]);
  const roots = [...starts, ...slices, ...captured];
  saveCarries(step.nodes, dependents(step.nodes, roots));
  const inner = new Builder(b.facts);
  inner.origin = node.origin;
  const results = scanParts(step.results, attrs);
  const seeds = [
    ...results.carries.filter((_, at) => floats[at]).map((value, at) => ({ value, cotangent: carryCts[at] ?? value })),
    ...results.sliced.filter(({ type }) => isFloat(type.dtype)).map((value, at) => ({ value, cotangent: outCts[at] ?? value })),
  ];
  const pulled = pullBack(inner, step.nodes, seeds, roots);
  const cotangentOf = new Map(roots.map((root, at) => [root, pulled[at]]));

  const made = new Map<Value, Node>();
  for (const n of inner.nodes) for (const out of n.outputs) made.set(out, n);
  const local = new Set([...step.nodes.flatMap((n) => n.outputs), ...made.keys(), t, ...carryCts, ...starts, ...slices, ...outCts]);
  const contributions = captured.map((value, at) => {
    const ct = cotangentOf.get(value);
    const sunk = ct && sink(ct, made);
    const sinks = sunk?.operands.every((operand) => local.has(operand)) === true;
    return { value, sum: sums[at] ?? value, ct, sunk: sinks ? sunk : undefined };
  });
  const kept = contributions.filter(({ ct, sunk }) => ct && !sunk);
  const extra = [...new Set(contributions.flatMap(({ sunk }) => sunk?.operands ?? []))];

  const nextCts = starts.filter((_, at) => floats[at]).map((start) => cotangentOf.get(start) ?? inner.zero(start));
  const nextSums = kept.map(({ sum, ct }) => inner.add(sum, ct ?? sum));
  const activeSlices = slices.map((x, at) => ({ x, at })).filter(({ x }) => cotangentOf.get(x) !== undefined);
  const sliceCts = activeSlices.map(({ x }) => cotangentOf.get(x) ?? x);
  const backward: Region = {
    params: [t, ...carryCts, ...kept.map(({ sum }) => sum), ...starts, ...slices, ...outCts],
    nodes: [...step.nodes, ...inner.nodes],
    results: [...nextCts, ...nextSums, ...sliceCts, ...extra],
  };
  const finalCts = initial.flatMap((value, at) => (floats[at] ? [arriving[at] ?? b.zero(value)] : []));
  const operands = [...finalCts, ...kept.map(({ value }) => b.zero(value)), ...saved, ...sliced, ...stackedCts];
  const outputs = b.node('scan', operands, {
    carries: carryCts.length + kept.length, length, reverse: attrs['reverse'] !== true,
  }, [backward]);

  const output = (at: number): Value => {
    const value = outputs[at];
    if (!value) throw new CompilerBug('a backward scan lacks a result');
    return value;
  };
  const stacksFrom = carryCts.length + kept.length;
  const extraAt = new Map(extra.map((value, at) => [value, output(stacksFrom + activeSlices.length + at)]));
  const floatInitial = initial.filter((_, at) => floats[at]);
  return [
    ...floatInitial.map((value, at) => ({ value, cotangent: output(at) })),
    ...kept.map(({ value }, at) => ({ value, cotangent: output(carryCts.length + at) })),
    ...activeSlices.map(({ at }, k) => ({ value: sliced[at] ?? t, cotangent: output(stacksFrom + k) })),
    ...contributions.flatMap(({ value, sunk }) =>
      sunk ? [{ value, cotangent: sunk.finish(b, sunk.operands.map((operand) => extraAt.get(operand) ?? operand)) }] : []),
  ].filter(({ value }) => active.has(value));
}
