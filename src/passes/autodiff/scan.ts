// The gradient of a scan is a scan that runs the other way. The forward scan also stacks the carries
// it starts each step from, and products with these; the backward step computes the rest of its forward
// step again, pulls the cotangents back through it, and adds up what arrives at values from outside the loop. Sums of
// products among these (weight gradients) leave the loop: their operands are stacked and contracted
// once over all steps.
import { Builder } from '../../ir/builder.ts';
import { isFloat } from '../../ir/dtype.ts';
import { operandsOf } from '../../ir/gradient-reach.ts';
import type { Attrs, Node, Region, Value } from '../../ir/graph.ts';
import { dimOf, numbersOf, pairsOf } from '../../ir/ops/attributes.ts';
import { scanParts } from '../../ir/ops/scan.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { bodyOf, instantiate } from './instantiate.ts';
import { dependents, pullBack, type Seed } from './pull-back.ts';
import { inSegments, isSegmented } from './segments.ts';

const views = new Set(['reshape', 'permute', 'slice', 'cast']);

// Products of what a step starts from: computed again, they would leave the loop and lie stacked as well.
function productsOfStarts({ params, nodes }: Region, carries: number): Value[] {
  const starts = new Set(params.slice(1, 1 + carries));
  const local = new Set([...params, ...nodes.flatMap(({ outputs }) => outputs)]);
  return nodes.flatMap(({ op, inputs, outputs }) => {
    const isStart = inputs.some((value) => starts.has(value));
    if (isStart && views.has(op)) for (const output of outputs) starts.add(output);
    return isStart && op === 'dot' && inputs.every((value) => starts.has(value) || !local.has(value)) ? outputs : [];
  });
}

/** Makes every scan of `nodes` that `active` values pass through stack what its gradient starts from, in place, once. */
export function saveCarries(nodes: Node[], active: ReadonlySet<Value>): void {
  nodes.forEach((node, at) => {
    if (node.op !== 'scan' || 'saved' in node.attrs || !operandsOf(node).some((value) => active.has(value))) return;
    const region = bodyOf(node);
    const { carries } = scanParts(region.params.slice(1), node.attrs);
    const length = dimOf(node.attrs, 'length');
    const saved = isSegmented(node) ? carries : [...carries, ...productsOfStarts(region, carries.length)];
    const stacks = saved.map(({ type }): Value => ({ type: { dtype: type.dtype, shape: [length, ...type.shape] } }));
    nodes[at] = {
      ...node,
      attrs: { ...node.attrs, saved: node.outputs.length },
      outputs: [...node.outputs, ...stacks],
      regions: [{ ...region, results: [...region.results, ...saved] }],
    };
  });
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

const shifted = (attrs: Attrs, name: string): [number, number][] =>
  pairsOf(attrs, name).map(([a, b]) => [a + 1, b + 1]);

// dW = Σ_t aₜ·bₜ is one contraction over t as well; Σ_t of a sum over axes is a sum over one more.
function sink(value: Value, made: ReadonlyMap<Value, Node>): Sunk | undefined {
  const node = made.get(value);
  if (!node) return undefined;
  const [x, y] = node.inputs;
  switch (node.op) {
    case 'dot':
      if (!x || !y) return undefined;
      return {
        operands: [x, y],
        finish: (b, [p, q]) =>
          b.op('dot', [p ?? x, q ?? y], {
            batch: shifted(node.attrs, 'batch'),
            contract: [[0, 0], ...shifted(node.attrs, 'contract')],
          }),
      };
    case 'reduce': {
      if (!x || node.attrs['kind'] !== 'sum') return undefined;
      const axes = [0, ...numbersOf(node.attrs, 'axes').map((axis) => axis + 1)];
      return { operands: [x], finish: (b, [p]) => b.reduce('sum', p ?? x, axes) };
    }
    case 'permute':
    case 'reshape': {
      const inner = x && sink(x, made);
      return (
        inner && {
          operands: inner.operands,
          finish: (b, stacked) => b.op(node.op, [inner.finish(b, stacked)], node.attrs),
        }
      );
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

/** A tensor that the backward scan is handed, and the param of its region that stands for it. */
interface Handed {
  readonly outer: Value;
  readonly param: Value;
}

const sliceOf = ({ type }: Value): Value => ({ type: { dtype: type.dtype, shape: type.shape.slice(1) } });
const copyOf = ({ type }: Value): Value => ({ type });
const floatsOf = (values: readonly Value[]): readonly Value[] => values.filter(({ type }) => isFloat(type.dtype));
const paramsOf = (handed: readonly Handed[]): Value[] => handed.map(({ param }) => param);
const outersOf = (handed: readonly Handed[]): Value[] => handed.map(({ outer }) => outer);

/** What arrives at one outer value that the body uses. */
interface Contribution {
  readonly value: Value;
  /** Its cotangent from one step. */
  readonly ct: Value;
  readonly sunk: Sunk | undefined;
}

// What is stacked anyway is added up after the loop.
function fromStacks(contributions: readonly Contribution[], cts: readonly Value[]): Contribution[] {
  const stacked = new Set([...cts, ...contributions.flatMap(({ sunk }) => sunk?.operands ?? [])]);
  return contributions.map((contribution) => {
    const { ct, sunk } = contribution;
    if (sunk || !stacked.has(ct)) return contribution;
    return { ...contribution, sunk: { operands: [ct], finish: (b, [p]) => b.reduce('sum', p ?? ct, [0]) } };
  });
}

/** What one backward step gives. */
interface BackwardStep {
  readonly carryCts: readonly Value[];
  /** Sums over the steps, carried, and what one step adds to them. */
  readonly kept: readonly (Handed & { readonly ct: Value })[];
  /** Cotangents of the slices, which are stacked. */
  readonly slices: readonly { readonly outer: Value; readonly ct: Value }[];
  /** Cotangents of the slices, and operands of what is computed after the loop: what the loop stacks. */
  readonly stacked: readonly Value[];
}

/** One backward scan under construction. */
class BackwardScan {
  private readonly region: Region;
  private readonly first: number;
  private readonly inner: Builder;
  private readonly t: Value = { type: { dtype: 'i32', shape: [] } };
  /** Carries of the forward scan as each step found them, and its slices. */
  private readonly starts: readonly Handed[];
  private readonly slices: readonly Handed[];
  /** Products of the forward scan; their params are results of the step that they save. */
  private products: readonly Handed[] = [];
  /** Cotangents: of the float carries (what is carried backwards) and of the float outs. */
  private readonly carryCts: readonly Handed[];
  private readonly outCts: readonly Handed[];
  private readonly captured: readonly Value[];

  constructor(
    private readonly b: Builder,
    private readonly node: Node,
    arriving: readonly (Value | null)[],
    private readonly active: ReadonlySet<Value>,
  ) {
    this.region = bodyOf(node);
    const first = node.attrs['saved'];
    if (typeof first !== 'number') throw new CompilerBug('a scan was differentiated before its carries were saved');
    this.first = first;
    this.inner = new Builder(b.facts);
    this.inner.origin = node.origin;
    const { carries, sliced } = scanParts(node.inputs, node.attrs);
    const cotangent = (out: Value): Value => arriving[node.outputs.indexOf(out)] ?? b.zero(out);
    this.starts = node.outputs.slice(first, first + carries.length).map((outer) => ({ outer, param: sliceOf(outer) }));
    this.slices = sliced.map((outer) => ({ outer, param: sliceOf(outer) }));
    this.carryCts = floatsOf(node.outputs.slice(0, carries.length)).map((out) => ({
      outer: cotangent(out),
      param: copyOf(out),
    }));
    this.outCts = floatsOf(node.outputs.slice(carries.length, first)).map((out) => ({
      outer: cotangent(out),
      param: sliceOf(out),
    }));
    this.captured = capturedIn(this.region, active);
  }

  run(): Seed[] {
    const { nodes, results } = instantiate(this.region, [this.t, ...paramsOf(this.starts), ...paramsOf(this.slices)]);
    const forward = { nodes, results: results.slice(0, this.first) };
    const products = this.first + this.starts.length;
    this.products = results
      .slice(products)
      .map((param, at) => ({ outer: this.node.outputs[products + at] ?? param, param }));
    const cotangents = this.pullStep(forward);
    const slices = this.slices.flatMap(({ outer, param }) => {
      const ct = cotangents.get(param);
      return ct ? [{ outer, ct }] : [];
    });
    const contributions = fromStacks(
      this.contributions(forward.nodes, cotangents),
      slices.map(({ ct }) => ct),
    );
    const step: BackwardStep = {
      carryCts: floatsOf(paramsOf(this.starts)).map((start) => cotangents.get(start) ?? this.inner.zero(start)),
      kept: contributions
        .filter(({ sunk }) => !sunk)
        .map(({ value, ct }) => ({ outer: value, param: copyOf(value), ct })),
      slices,
      stacked: this.stackedOf(slices, contributions),
    };
    const outputs = this.emit(forward.nodes, step);
    return this.seeds(step, contributions, outputs).filter(({ value }) => this.active.has(value));
  }

  // What one step gives to stacks, once each; what it was handed lies in one already.
  private stackedOf(slices: BackwardStep['slices'], contributions: readonly Contribution[]): readonly Value[] {
    const handed = new Set(paramsOf(this.handed));
    const operands = contributions.flatMap(({ sunk }) => sunk?.operands ?? []).filter((value) => !handed.has(value));
    return [...new Set([...slices.map(({ ct }) => ct), ...operands])];
  }

  private get handed(): readonly Handed[] {
    return [...this.starts, ...this.slices, ...this.outCts, ...this.products];
  }

  // The scan itself: carries are cotangents and sums, what is stacked comes after.
  private emit(forward: readonly Node[], { carryCts, kept, stacked }: BackwardStep): readonly Value[] {
    const { node, inner, handed } = this;
    const known = new Set(paramsOf(this.products));
    const results = [...carryCts, ...kept.map(({ param, ct }) => inner.add(param, ct)), ...stacked];
    const region: Region = {
      params: [this.t, ...paramsOf(this.carryCts), ...paramsOf(kept), ...paramsOf(handed)],
      nodes: [...forward.filter(({ outputs }) => !outputs.some((output) => known.has(output))), ...inner.nodes],
      results,
    };
    const sums = kept.map(({ outer }) => this.b.zero(outer));
    return this.b.node(
      'scan',
      [...outersOf(this.carryCts), ...sums, ...outersOf(handed)],
      {
        carries: this.carryCts.length + kept.length,
        length: dimOf(node.attrs, 'length'),
        reverse: node.attrs['reverse'] !== true,
        ...(isSegmented(node) && { segments: true }),
      },
      [region],
    );
  }

  private seeds(
    { kept, slices, stacked }: BackwardStep,
    contributions: readonly Contribution[],
    outputs: readonly Value[],
  ): Seed[] {
    const floatInitial = floatsOf(scanParts(this.node.inputs, this.node.attrs).carries);
    const roots = [...floatInitial, ...outersOf(kept)];
    const direct = roots.map((value, at) => ({ value, cotangent: outputs[at] ?? value }));
    const stacks = new Map([
      ...this.handed.map(({ param, outer }) => [param, outer] as const),
      ...stacked.map((value, at) => [value, outputs[roots.length + at] ?? value] as const),
    ]);
    const sliced = slices.map(({ outer, ct }) => ({ value: outer, cotangent: stacks.get(ct) ?? ct }));
    const sunk = contributions.flatMap(({ value, sunk: after }) => {
      const operands = after?.operands.map((operand) => stacks.get(operand) ?? operand);
      return after && operands ? [{ value, cotangent: after.finish(this.b, operands) }] : [];
    });
    return [...direct, ...sliced, ...sunk];
  }

  // Cotangents of everything that one step starts from or takes from outside.
  private pullStep(forward: { nodes: Node[]; results: Value[] }): Map<Value, Value> {
    const roots = [...paramsOf(this.starts), ...paramsOf(this.slices), ...this.captured];
    inSegments(forward.nodes, (nodes) => dependents(nodes, roots), this.b.facts);
    saveCarries(forward.nodes, dependents(forward.nodes, roots));
    const { carries, sliced } = scanParts(forward.results, this.node.attrs);
    const ends = [...floatsOf(carries), ...floatsOf(sliced)];
    const arriving = [...paramsOf(this.carryCts), ...paramsOf(this.outCts)];
    const seeds = ends.map((value, at) => ({ value, cotangent: arriving[at] ?? value }));
    const pulled = pullBack(this.inner, forward.nodes, seeds, roots);
    return new Map(
      roots.flatMap((root, at) => {
        const ct = pulled[at];
        return ct ? [[root, ct] as const] : [];
      }),
    );
  }

  private contributions(forward: readonly Node[], cotangents: ReadonlyMap<Value, Value>): Contribution[] {
    const made = new Map(this.inner.nodes.flatMap((n) => n.outputs.map((out) => [out, n] as const)));
    const params = [this.carryCts, this.starts, this.slices, this.outCts].flatMap(paramsOf);
    const local = new Set([this.t, ...params, ...forward.flatMap((n) => n.outputs), ...made.keys()]);
    return this.captured.flatMap((value) => {
      const ct = cotangents.get(value);
      if (!ct) return [];
      const sunk = isSegmented(this.node) ? undefined : sink(ct, made);
      return [{ value, ct, sunk: sunk?.operands.every((operand) => local.has(operand)) === true ? sunk : undefined }];
    });
  }
}

/** Cotangents of the operands of a scan and of the outer values that its region uses. */
export const pullBackScan = (
  b: Builder,
  node: Node,
  arriving: readonly (Value | null)[],
  active: ReadonlySet<Value>,
): Seed[] => new BackwardScan(b, node, arriving, active).run();
