// `if`, `for` and `fold`. A static condition selects code; lists and static ranges are unrolled.
import { asConstant, dim, one } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Bind, Expr, FoldExpr, ForExpr, IfExpr, InBind } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { resolved } from '../dims.ts';
import { isStd, reject, report, type Frame } from '../frame.ts';
import type { Slot } from '../instances.ts';
import { Scope } from '../scope.ts';
import { describe, list, sameStatic, tensor, tuple, typeText, unknown, type Value } from '../values.ts';
import { bindPattern, evaluate, evaluateBlock } from './evaluate.ts';
import { elementwiseSelect } from './select.ts';
import { evaluateRunTimeFold, evaluateRunTimeFor, isRunTime } from './run-time-loop.ts';
import { graphOf, toTensor, unify } from './tensors.ts';
import { tabulate } from './tabulate.ts';

/** `if`: static conditions select a branch; run-time ones select values of one type. */
export function evaluateIf(frame: Frame, expr: IfExpr): Value {
  const condition = evaluate(frame, expr.condition);
  if (condition.kind === 'unknown') return unknown;
  if (condition.kind === 'bool') {
    if (condition.value) return evaluateBlock(frame, expr.then);
    return expr.otherwise.kind === 'if' ? evaluate(frame, expr.otherwise) : evaluateBlock(frame, expr.otherwise);
  }
  if (
    condition.kind !== 'tensor' ||
    condition.value.type.dtype !== 'bool' ||
    (condition.value.type.shape.length > 0 && !frame.tabulating)
  )
    return reject(
      frame,
      messages.E0406(
        expr.condition.span,
        {
          got:
            condition.kind === 'tensor' && condition.value.type.shape.length > 0
              ? `${describe(condition)}, one per element`
              : describe(condition),
        },
        { helps: [{ text: 'to choose element by element write `where(condition, a, b)`' }] },
      ),
    );
  const graph = graphOf(frame);
  const restore = graph.snapshot();
  const [a, mine] = branchOf(frame, expr.then);
  restore();
  const [b, others] = branchOf(frame, expr.otherwise);
  restore();
  for (const slot of new Set([...mine.keys(), ...others.keys()])) {
    const old = graph.read(slot);
    graph.write(slot, elementwiseSelect(frame, condition.value, mine.get(slot) ?? old, others.get(slot) ?? old));
  }
  if (graph.standalone && a.kind !== 'unknown' && b.kind !== 'unknown' && graph.hangsOnConfig(condition.value)) {
    if (sameStatic(a, b) === true) return a;
    if (!alike(a, b)) {
      frame.session.undecided.push(expr.span);
      return unknown;
    }
  }
  return selectValues(frame, expr, condition.value, a, b);
}

// A branch, and the states as it leaves them.
function branchOf(frame: Frame, expr: Expr): readonly [Value, ReadonlyMap<Slot, GraphValue>] {
  const graph = graphOf(frame);
  const changed = graph.watch();
  const value = evaluate(frame, expr);
  return [value, new Map(changed().map((slot) => [slot, graph.read(slot)]))];
}

// Whether code that selects one of two values at run time could stand for code that is selected by config.
function alike(a: Value, b: Value): boolean {
  if (a.kind === 'tuple' && b.kind === 'tuple')
    return a.items.length === b.items.length && a.items.every((item, i) => alike(item, b.items[i] ?? unknown));
  return a.kind === 'tensor' && b.kind === 'tensor' && typeText(a.value.type) === typeText(b.value.type);
}

function selectValues(frame: Frame, expr: IfExpr, cond: GraphValue, a: Value, b: Value): Value {
  if (a.kind === 'unknown' || b.kind === 'unknown') return unknown;
  if (a.kind === 'tuple' && b.kind === 'tuple' && a.items.length === b.items.length)
    return tuple(
      a.items.map((item, i) => selectValues(frame, expr, cond, item, b.items[i] ?? unknown)),
      a.names,
    );
  const [x, y] = unify(frame, a, b, '`if`', expr.span);
  if (frame.tabulating) return frame.tabulating.select(frame, cond, x, y, expr.span);
  if (typeText(x.type) !== typeText(y.type))
    return reject(frame, messages.E0407(expr.span, { left: typeText(x.type, true), right: typeText(y.type, true) }));
  return tensor(elementwiseSelect(frame, cond, x, y));
}

/** `for binds => body`: a tabulation where the body is a scalar, else a loop at run time; over static parts, copies. */
export function evaluateFor(frame: Frame, expr: ForExpr): Value {
  const runTime = expr.binds.filter((bind) => isRunTime(frame, bind)).length;
  if (runTime === 0) return unrollFor(frame, expr, expr.binds, frame);
  if (runTime < expr.binds.length) return reject(frame, messages.E0306(expr.span, { form: 'for' }));
  const tabulated = expr.binds.every((bind) => bind.kind === 'range-bind') ? tabulate(frame, expr) : null;
  return tabulated ?? evaluateRunTimeFor(frame, expr);
}

// Binds nest, the first is the outermost: several give a list of lists.
function unrollFor(frame: Frame, expr: ForExpr, binds: readonly Bind[], inner: Frame): Value {
  const [bind, ...rest] = binds;
  if (!bind) return evaluate(inner, expr.body);
  if (bind.kind !== 'in-bind') return unknown;
  const over = itemsOf(inner, bind);
  if (over === null) return unknown;
  warnUnrolled(frame, over.items.length, expr);
  const values = over.items.map((item) => {
    const next: Frame = { ...inner, scope: new Scope(inner.scope) };
    bindPattern(next, bind.pattern, item);
    return unrollFor(frame, expr, rest, next);
  });
  return over.axis === null ? list(values) : stackValues(frame, values, over.axis, expr);
}

function stackValues(frame: Frame, values: readonly Value[], axis: number, expr: ForExpr | FoldExpr): Value {
  if (values.some((v) => v.kind === 'unknown')) return unknown;
  const [first] = values;
  if (first?.kind === 'tuple')
    return tuple(
      first.items.map((_, i) =>
        stackValues(
          frame,
          values.map((v) => (v.kind === 'tuple' ? (v.items[i] ?? unknown) : unknown)),
          axis,
          expr,
        ),
      ),
      first.names,
    );
  const { builder } = graphOf(frame);
  const parts = values.map((v) => {
    const x = toTensor(frame, v, undefined, expr.body.span);
    const shape = [...x.type.shape];
    shape.splice(axis, 0, one);
    return builder.reshape(x, shape);
  });
  return tensor(parts.length === 1 && parts[0] ? parts[0] : builder.op('concat', parts, { axis }));
}
interface Items {
  readonly items: readonly Value[];
  /** The axis of a tensor whose slices these are. */
  readonly axis: number | null;
}

// A loop of static parts is copied: many copies make a large module.
function warnUnrolled(frame: Frame, count: number, expr: ForExpr | FoldExpr): void {
  if (count <= 64 || !frame.graph || isStd(expr.span)) return;
  report(frame, messages.W1502(expr.binds[0]?.span ?? expr.span, { count }));
}

/** Most slices of a tensor that a loop is unrolled into. */
const unrollLimit = 512;

// What `p in xs` runs over: elements of a list, or slices of a tensor of constant length.
function itemsOf(frame: Frame, bind: InBind): Items | null {
  const over = evaluate(frame, bind.over);
  if (over.kind === 'unknown') return null;
  if (over.kind === 'list' || over.kind === 'tuple') return { items: over.items, axis: null };
  if (over.kind !== 'tensor')
    return reject(
      frame,
      messages.E0402(bind.over.span, {
        what: `\`${spanText(bind.over.span)}\``,
        expected: 'a list, a range or a tensor',
        got: describe(over),
      }),
    );
  const { shape } = over.value.type;
  const along = bind.along?.value ?? 0;
  const axis = along < 0 ? along + shape.length : along;
  const extent = shape[axis];
  if (!extent) return reject(frame, messages.E0313(bind.span, { axis: along, shape: typeText(over.value.type) }));
  const n = asConstant(resolved(frame, extent));
  if (n === undefined || n > unrollLimit)
    return reject(
      frame,
      messages.E0404(
        bind.over.span,
        { what: `the length ${extent.key} of a loop over a tensor` },
        { notes: [`a loop over slices is unrolled; its length must be a constant of at most ${unrollLimit}`] },
      ),
    );
  const { builder } = graphOf(frame);
  const { value } = over;
  const items = Array.from({ length: n }, (_, i) => {
    const start = shape.map((_, k) => (k === axis ? dim(i) : dim(0)));
    const size = shape.map((d, k) => (k === axis ? dim(1) : d));
    const cut = builder.op('slice', [value], { start, size, stride: size.map(() => 1) });
    return tensor(
      builder.reshape(
        cut,
        shape.filter((_, k) => k !== axis),
      ),
    );
  });
  return { items, axis };
}
/** `fold` and `scan`: the binds advance together, unrolled over lists and static ranges, else in one run-time loop. */
export function evaluateFold(frame: Frame, expr: FoldExpr): Value {
  const runTime = expr.binds.filter((bind) => isRunTime(frame, bind)).length;
  if (runTime === expr.binds.length) return evaluateRunTimeFold(frame, expr);
  if (runTime > 0) return reject(frame, messages.E0306(expr.span, { form: expr.form }));
  return unrollFold(frame, expr);
}

function unrollFold(frame: Frame, expr: FoldExpr): Value {
  let carry = evaluate(frame, expr.init);
  const [first] = expr.binds;
  if (expr.while)
    return reject(frame, messages.E0404(expr.while.span, { what: 'the condition of `while` of an unrolled loop' }));
  const overs: Items[] = [];
  for (const bind of expr.binds) {
    const over = bind.kind === 'in-bind' ? itemsOf(frame, bind) : null;
    if (over === null) return unknown;
    overs.push(over);
  }
  const [length = 0] = overs.map((o) => o.items.length);
  if (overs.some((o) => o.items.length !== length))
    return reject(
      frame,
      messages.E0302(expr.span, {
        operation: 'advance together',
        left: `${length} elements`,
        right: `${overs.find((o) => o.items.length !== length)?.items.length ?? 0}`,
      }),
    );
  const outs: Value[] = [];
  warnUnrolled(frame, length, expr);
  for (let i = 0; i < length; i++) {
    const inner: Frame = { ...frame, scope: new Scope(frame.scope) };
    bindPattern(inner, expr.pattern, carry);
    expr.binds.forEach((bind, k) => {
      const item = overs[k]?.items[i] ?? unknown;
      if (bind.kind === 'in-bind') bindPattern(inner, bind.pattern, item);
      else inner.scope.define(bind.name.name, item);
    });
    const result = evaluate(inner, expr.body);
    if (result.kind === 'unknown') return unknown;
    if (expr.form === 'fold') carry = result;
    else {
      if (result.kind !== 'tuple' || result.items.length !== 2)
        return reject(
          frame,
          messages.E0402(expr.body.span, {
            what: 'the body of `scan`',
            expected: 'a pair `(carry, out)`',
            got: describe(result),
          }),
        );
      carry = result.items[0] ?? unknown;
      outs.push(result.items[1] ?? unknown);
    }
  }
  if (expr.form === 'fold') return carry;
  const axis = overs.find((o) => o.axis !== null)?.axis ?? 0;
  const stacked =
    first?.kind === 'in-bind' && overs[0]?.axis === null ? list(outs) : stackValues(frame, outs, axis, expr);
  return tuple([stacked, carry]);
}
