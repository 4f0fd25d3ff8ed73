// Packs the operands of convolutions: the reduced positions are visited as nested loops, so that where an element
// lies and whether it is inside is worked out per loop, and inner steps are plain copies of neighbours.
import { mul, variable, type Dim } from '../../../ir/dim.ts';
import type { Condition, Expr } from '../../../ir/expr.ts';
import { loadsIn, Rewriter, walkExprs } from '../../../ir/expr-rewrite.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import { linearIn } from '../linear.ts';
import { unravel, type NestedDepth, type NestedSide } from './contraction.ts';
import { withAxis, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { score } from './loops.ts';
import { within, type Block, type Panels } from './packing.ts';
import type { Values } from './values.ts';

type Guard = Extract<Expr, { kind: 'guard' }>;

const outerName = '%outer';

/** Fills panels [k][width] of a block of whole inner steps. */
export class Patches {
  constructor(
    private readonly values: Values,
    private readonly nested: NestedDepth,
    private readonly depth: number,
  ) {}

  /** Packs the part of an operand that a tile and a block of the reduced axis need. */
  pack(side: Panels, { axes, expr }: NestedSide, block: Block, env: Environment): void {
    const indices = loadsIn([expr]).flatMap((load) => load.indices);
    const own = score(indices, axes.at(-1)?.name ?? '');
    const [outer, inner] = [score(indices, outerName), score(indices, this.nested.inner.name)];
    if (own > Math.max(outer, inner)) this.packAcross(side, axes, expr, block, env);
    else this.packAlong(side, axes, expr, block, env, outer > inner);
  }

  // Positions along several axes of one position along all of them.
  private place(axes: readonly { name: string; extent: Dim }[], at: Atom, env: Environment): Environment {
    const here = withAxis(env, '%at', at);
    return unravel(axes, variable('%at')).reduce(
      (e, [name, d]) => withAxis(e, name, this.values.dims.value(d, here)),
      env,
    );
  }

  /** The first and the last position (exclusive) of %outer in a block. */
  private range(block: Block): readonly [Atom, Atom] {
    const { dims } = this.values;
    const steps = i32(this.nested.steps);
    const first = dims.combine('div', block.start, steps);
    return [first, dims.combine('add', first, dims.combine('div', block.count, steps))];
  }

  /** Where step (outer, inner) of a panel that begins at `base` lies. */
  private index(side: Panels, base: Atom, block: Block, outer: Atom, inner: Atom): Atom {
    const { dims } = this.values;
    const skipped = dims.combine('sub', base, dims.combine('mul', block.start, i32(side.width)));
    const at = dims.combine('add', skipped, dims.combine('mul', outer, i32(this.nested.steps * side.width)));
    return dims.combine('add', at, dims.combine('mul', inner, i32(side.width)));
  }

  private put(array: string, index: Atom, offset: number, value: KernelExpr): void {
    const at: KernelExpr =
      offset === 0 ? index : { kind: 'binary', type: 'i32', width: 1, op: 'add', a: index, b: i32(offset) };
    this.values.writer.push({ kind: 'store-array', array, index: at, value });
  }

  // Neighbours along the reduced positions: four are read at once and stored apart.
  private packAlong(
    side: Panels,
    axes: NestedSide['axes'],
    expr: Expr,
    block: Block,
    env: Environment,
    alongOuter: boolean,
  ): void {
    const { values, nested } = this;
    const { writer, dims } = values;
    const [first, end] = this.range(block);
    const apart = side.width * (alongOuter ? nested.steps : 1);
    writer.for(i32(0), dims.combine('mul', side.panels, i32(side.width)), 1, (j) => {
      const panel = dims.combine('div', j, i32(side.width));
      const lane = dims.combine('sub', j, dims.combine('mul', panel, i32(side.width)));
      const base = dims.combine('add', dims.combine('mul', panel, i32(side.width * this.depth)), lane);
      const row = this.place(axes, within(values, side, j), env);
      const copy = (still: Environment, name: string, from: Atom, to: Atom, index: (at: Atom) => Atom): void => {
        const found = new Map<Environment, Atom>();
        const place = (at: Atom, vector: boolean): Environment => {
          const here = withAxis(still, name, at, vector);
          found.set(here, index(at));
          return here;
        };
        const extent = alongOuter ? undefined : nested.inner.extent;
        overLanes(values, { extent, from, to, copies: 1 }, place, ([here = still]) =>
          this.storeApart(side, expr, here, found.get(here) ?? base, apart),
        );
      };
      const steps = i32(nested.steps);
      if (alongOuter) {
        writer.for(i32(0), steps, 1, (i) =>
          copy(withAxis(row, nested.inner.name, i), outerName, first, end, (o) => this.index(side, base, block, o, i)),
        );
      } else {
        writer.for(first, end, 1, (o) =>
          copy(withAxis(row, outerName, o), nested.inner.name, i32(0), steps, (i) =>
            this.index(side, base, block, o, i),
          ),
        );
      }
    });
  }

  private storeApart(side: Panels, expr: Expr, at: Environment, index: Atom, apart: number): void {
    const value = this.values.value(expr, at);
    if (at.vector === undefined) return this.put(side.array, index, 0, value);
    const x = this.values.widen(value);
    for (const lane of [0, 1, 2, 3] as const)
      this.put(side.array, index, lane * apart, { kind: 'lane', type: 'f32', width: 1, x, lane });
  }

  // Neighbours along the operand's own last axis. A panel that lies in one row, inside all borders, is copied four
  // lanes at a time, any other element by element.
  private packAcross(side: Panels, axes: NestedSide['axes'], expr: Expr, block: Block, env: Environment): void {
    const { values, nested } = this;
    const { writer, dims } = values;
    const last = axes.at(-1)?.name ?? '';
    const inside = side.width % 4 === 0 ? withoutBorders(expr, last) : undefined;
    const [from, to] = this.range(block);
    writer.for(i32(0), side.panels, 1, (panel) => {
      const first = dims.combine('mul', panel, i32(side.width));
      const base = dims.combine('mul', panel, i32(side.width * this.depth));
      const lanes = Array.from({ length: side.width }, (_, lane) =>
        this.place(axes, within(values, side, dims.combine('add', first, i32(lane))), env),
      );
      const start = lanes[0] ?? env;
      const whole = this.isRow(start.axes.get(last), lanes.at(-1)?.axes.get(last), side.width);
      writer.for(from, to, 1, (o) =>
        writer.for(i32(0), i32(nested.steps), 1, (i) => {
          const at = (lane: Environment): Environment => withAxis(withAxis(lane, outerName, o), nested.inner.name, i);
          const index = this.index(side, base, block, o, i);
          const single = (): void =>
            lanes.forEach((lane, k) => this.put(side.array, index, k, values.value(expr, at(lane))));
          if (!inside) return single();
          const ends = [start, lanes.at(-1) ?? start].map((lane) => dims.conditions(inside.conditions, at(lane)));
          const copied = [whole, ...ends].reduce((a, b) =>
            writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'and', a, b }),
          );
          writer.if(
            copied,
            () => {
              for (let k = 0; k < side.width; k += 4) {
                const x = dims.combine('add', start.axes.get(last) ?? i32(0), i32(k));
                const value = values.value(inside.expr, withAxis(at(start), last, x, true));
                this.put(side.array, index, k, values.widen(value));
              }
            },
            single,
          );
        }),
      );
    });
  }

  // Whether `width` positions from `first` to `last` are neighbours: in one row and before the end.
  private isRow(first: Atom = i32(0), last: Atom = i32(0), width = 1): Atom {
    const a = this.values.dims.combine('sub', last, first);
    return this.values.writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a, b: i32(width - 1) });
  }
}

// The expression without its guards and what they ask for; undefined where the ends of a run along `axis` do not tell
// of what lies between them.
function withoutBorders(expr: Expr, axis: string): { expr: Expr; conditions: Condition[] } | undefined {
  const conditions: Condition[] = [];
  let left = expr;
  for (let guard = firstGuard(left); guard; guard = firstGuard(left)) {
    conditions.push(...guard.conditions);
    left = new Rewriter({ nodes: new Map([[guard, guard.then]]) }).expr(left);
  }
  const isTold = ({ kind, lhs }: Condition): boolean => {
    const linear = linearIn(lhs, axis);
    return linear !== undefined && (kind === '>=0' || linear.coefficient.key === mul(0, 0).key);
  };
  return conditions.every(isTold) ? { expr: left, conditions } : undefined;
}

function firstGuard(expr: Expr): Guard | undefined {
  let found: Guard | undefined;
  walkExprs([expr], (e) => {
    if (e.kind === 'guard') found ??= e;
  });
  return found;
}
