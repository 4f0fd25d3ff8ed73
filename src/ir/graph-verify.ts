// Checks what every pass must keep true of a graph module: definitions before uses, types as the ops
// infer them, unique names, results that exist. Returns what is wrong, in words; empty when all is well.
import { sameDim, variables } from './dim.ts';
import { Facts } from './dim-solver.ts';
import type { GraphFunction, GraphModule, HostScalar, ModelInfo, Node, Region, TensorType, Value } from './graph.ts';
import { opNamed } from './ops/registry.ts';
import { typeText } from './text/writer.ts';

/** Everything that is wrong with a module. */
export function verifyGraph(module: GraphModule): string[] {
  const problems = duplicates(module.functions.map(({ name }) => name)).map(
    (name) => `two functions are named ${name}`,
  );
  for (const fn of module.functions) problems.push(...verifyFunction(fn));
  return [...problems, ...verifyReferences(module)];
}

const duplicates = (names: readonly string[]): string[] => {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
};

/** Everything that is wrong with one function. */
export function verifyFunction(fn: GraphFunction): string[] {
  const check = new FunctionCheck(new Facts(fn.dims, fn.facts));
  for (const name of duplicates(fn.dims.map(({ name }) => name))) check.report(`dim ${name} is declared twice`);
  for (const name of duplicates(fn.inputs.map(({ name }) => name))) check.report(`two inputs are named ${name}`);
  for (const { name, value } of fn.inputs) check.define(value, `input ${name}`);
  check.nodes(fn.nodes);
  checkResults(fn, check);
  for (const scalar of fn.host) checkHost(fn, scalar, check);
  return check.problems.map((problem) => `${fn.name}: ${problem}`);
}

function checkResults(fn: GraphFunction, check: FunctionCheck): void {
  const inputs = new Map(fn.inputs.map(({ name, value }) => [name, value]));
  for (const role of ['output', 'update'] as const) {
    const names = fn.results.filter((result) => result.role === role).map(({ name }) => name);
    for (const name of duplicates(names)) check.report(`two results (${role}) are named ${name}`);
  }
  for (const { name, role, value } of fn.results) {
    check.use(value, `result ${name}`);
    if (role !== 'update') continue;
    const target = inputs.get(name);
    // An init function makes what it updates; its names are checked against the models.
    if (!target && fn.kind !== 'init') check.report(`an update of ${name}, which is no input`);
    if (target) check.sameType(value.type, target.type, `the update of ${name}`);
  }
}

function checkHost(fn: GraphFunction, { name, dtype, region }: HostScalar, check: FunctionCheck): void {
  const input = fn.inputs.find((candidate) => candidate.name === name);
  if (input?.role !== 'step') check.report(`host scalar ${name} feeds no step input`);
  else if (input.value.type.dtype !== dtype)
    check.report(`host scalar ${name} is ${dtype}, its input ${input.value.type.dtype}`);
  for (const param of region.params) {
    const source = fn.inputs.find((candidate) => candidate.name === param.name);
    if (!source || !['option', 'iteration', 'key'].includes(source.role))
      check.report(`host scalar ${name} reads ${param.name ?? 'a value without name'}, which the host does not know`);
  }
  const inner = new FunctionCheck(check.facts);
  inner.region(region);
  check.problems.push(...inner.problems.map((problem) => `host scalar ${name}: ${problem}`));
}

class FunctionCheck {
  readonly problems: string[] = [];
  private scope: Map<Value, string>[] = [new Map()];
  private readonly dims: ReadonlySet<string>;

  constructor(readonly facts: Facts) {
    this.dims = new Set(facts.variables.map(({ name }) => name));
  }

  report(problem: string): void {
    this.problems.push(problem);
  }

  define(value: Value, what: string): void {
    if (this.defined(value)) this.report(`${what} is defined twice`);
    this.scope.at(-1)?.set(value, what);
    for (const d of value.type.shape) {
      for (const name of variables(d)) {
        if (!this.dims.has(name)) this.report(`${what} has the dim ${name}, which is not declared`);
      }
    }
  }

  private defined(value: Value): boolean {
    return this.scope.some((values) => values.has(value));
  }

  use(value: Value, what: string): void {
    if (!this.defined(value))
      this.report(`${what} uses ${value.name ?? `a ${typeText(value.type)}`} before it is defined`);
  }

  sameType(found: TensorType, expected: TensorType, what: string): void {
    const same =
      found.dtype === expected.dtype &&
      found.shape.length === expected.shape.length &&
      found.shape.every((d, axis) => {
        const other = expected.shape[axis];
        return other !== undefined && (sameDim(d, other) || this.facts.equal(d, other) === 'proved');
      });
    if (!same) this.report(`${what} is ${typeText(found)}, not ${typeText(expected)}`);
  }

  nodes(nodes: readonly Node[]): void {
    for (const [at, node] of nodes.entries()) this.node(node, `node ${at} (${node.op})`);
  }

  private node(node: Node, what: string): void {
    for (const input of node.inputs) this.use(input, what);
    for (const region of node.regions) this.region(region);
    this.types(node, what);
    for (const [at, output] of node.outputs.entries()) this.define(output, `result ${at} of ${what}`);
  }

  private types(node: Node, what: string): void {
    try {
      const op = opNamed(node.op);
      for (const attr of Object.keys(node.attrs)) {
        if (attr !== 'remat' && !Object.hasOwn(op.attrs ?? {}, attr))
          this.report(`${what} has the attribute ${attr}, which ${node.op} does not know`);
      }
      const types = op.infer(
        node.inputs.map(({ type }) => type),
        node.attrs,
        this.facts,
        node.regions,
      );
      if (types.length !== node.outputs.length)
        this.report(`${what} has ${node.outputs.length} results, not ${types.length}`);
      for (const [at, type] of types.entries()) {
        const output = node.outputs[at];
        if (output) this.sameType(output.type, type, `result ${at} of ${what}`);
      }
    } catch (error) {
      this.report(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  region(region: Region): void {
    this.scope.push(new Map());
    for (const [at, param] of region.params.entries()) this.define(param, `region parameter ${param.name ?? at}`);
    this.nodes(region.nodes);
    for (const result of region.results) this.use(result, 'a region result');
    this.scope.pop();
  }
}

// An init function gives every parameter and state, and nothing else, a value of its type.
function verifyInit(model: ModelInfo, init: GraphFunction | undefined): string[] {
  const made = new Map((init?.results ?? []).map(({ name, value }) => [name, value.type]));
  const problems: string[] = [];
  for (const { path, type, role } of model.parameters) {
    if (role === 'cache') continue;
    const found = made.get(path);
    if (!found) problems.push(`model ${model.name}: its init makes no ${path}`);
    else if (typeText(found) !== typeText(type))
      problems.push(`model ${model.name}: its init makes ${path} ${typeText(found)}, not ${typeText(type)}`);
    made.delete(path);
  }
  for (const path of made.keys()) problems.push(`model ${model.name}: its init makes ${path}, which it does not have`);
  return problems;
}

function verifyReferences(module: GraphModule): string[] {
  const functions = new Map(module.functions.map((fn) => [fn.name, fn]));
  const problems: string[] = [];
  const wants = (name: string, who: string, kind: GraphFunction['kind']): void => {
    const found = functions.get(name);
    if (!found) problems.push(`${who} names the function ${name}, which does not exist`);
    else if (found.kind !== kind) problems.push(`${who} wants ${name} to be ${kind}, it is ${found.kind}`);
  };
  for (const name of Object.keys(module.entries)) wants(name, `entry ${name}`, 'entry');
  for (const model of module.models) {
    wants(model.init, `model ${model.name}`, 'init');
    problems.push(...verifyInit(model, functions.get(model.init)));
    for (const name of Object.values(model.entries)) wants(name, `model ${model.name}`, 'entry');
  }
  for (const train of module.trains) {
    wants(train.step, `train ${train.name}`, 'step');
    wants(train.evaluate, `train ${train.name}`, 'evaluate');
    if (train.finish !== undefined) wants(train.finish, `train ${train.name}`, 'evaluate');
    for (const { model } of train.models) {
      if (!module.models.some(({ name }) => name === model))
        problems.push(`train ${train.name} names the model ${model}, which does not exist`);
    }
  }
  return problems;
}
