// The parameters of a train: models (constructed once, with their paths), options that the host sets, and
// static values.
import type { OptionInfo, TensorType } from '../ir/graph.ts';
import type { Param, TrainDecl } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { evaluate, mismatchDiagnostic } from './expressions/evaluate.ts';
import { reject, type Frame, type Session } from './frame.ts';
import { collectPaths, type PathTable } from './instances.ts';
import { constructModel, guarded, type Model } from './models.ts';
import { staticFrame, type Module } from './modules.ts';
import { inputType, settingValue } from './signatures.ts';
import { lookupPath, unknownType } from './aliases.ts';
import { matchType, Mismatch } from './types.ts';
import { asNumber, type Value } from './values.ts';

/** A train parameter, resolved. */
export type Parameter =
  | { readonly kind: 'model'; readonly name: string; readonly model: Model }
  | { readonly kind: 'option'; readonly name: string; readonly type: TensorType; readonly info: OptionInfo }
  | { readonly kind: 'static'; readonly name: string; readonly value: Value };

/** A train with its models. */
export interface TrainPlan {
  readonly decl: TrainDecl;
  readonly module: Module;
  readonly parameters: readonly Parameter[];
  readonly table: PathTable;
}

/** Resolves the parameters of a train; models that are new are put into `models`. */
export function planTrain(
  session: Session,
  module: Module,
  decl: TrainDecl,
  models: Map<string, Model>,
): TrainPlan | null {
  const used = new Set<string>();
  const frame = staticFrame(session, module.scope);
  const parameters: Parameter[] = [];
  for (const param of decl.params) {
    const found = guarded(() => resolveParameter(frame, decl, param, models, used), {
      session,
      span: param.span,
      what: `the default of \`${param.name.name}\``,
    });
    if (!found) return null;
    parameters.push(found);
  }
  const owners = parameters.filter((p) => p.kind === 'model');
  const table: PathTable = { paths: new Map(), aliases: new Map(), frozen: new Set() };
  for (const { name, model } of owners) collectPaths(model.instance, owners.length > 1 ? `${name}.` : '', table);
  return { decl, module, parameters, table };
}

function resolveParameter(
  frame: Frame,
  decl: TrainDecl,
  param: Param,
  models: Map<string, Model>,
  used: Set<string>,
): Parameter | null {
  const { name } = param.name;
  const setting = frame.session.settings.get(name) ?? frame.session.settings.get(`${decl.name.name}.${name}`);
  const given = setting === undefined ? undefined : settingValue(frame, param.type, setting);
  if (param.type.kind === 'tensor-type') return option(frame, decl, param, setting);
  const fallback = given ?? (param.default ? evaluate(frame, param.default) : undefined);
  const named = param.type.kind === 'named-type' ? lookupPath(frame.scope, param.type) : undefined;
  if (fallback?.kind === 'unknown' || named?.kind === 'unknown') return null;
  if (fallback?.kind === 'instance') {
    const model: Model = {
      decl: fallback.instance.decl,
      instance: fallback.instance,
      table: collectPaths(fallback.instance),
    };
    return modelParameter(name, model, models, used);
  }
  const unit = fallback?.kind === 'unit' ? fallback : named?.kind === 'unit' ? named : undefined;
  if (unit) {
    const unitName = unit.decl.name.name;
    const model =
      (used.has(unitName) ? undefined : models.get(unitName)) ?? constructModel(frame.session, unit.decl, unit.scope);
    if (model) return modelParameter(name, model, models, used);
    const missing = unit.decl.params.find((p) => !p.default)?.name.name ?? 'its config';
    return reject(
      frame,
      messages.E0205(
        param.span,
        { what: 'model', callee: unitName, argument: missing },
        {
          helps: [
            {
              text: `fix its config with a default: \`${name}: ${unitName} = ${unitName}(${missing}=…)\`, or \`--set ${unitName}.${missing}=…\``,
            },
          ],
        },
      ),
    );
  }
  if (fallback) return { kind: 'static', name, value: ofItsType(frame, param, fallback) };
  if (
    param.type.kind === 'named-type' &&
    !named &&
    !['int', 'real', 'bool', 'str'].includes(param.type.path[0]?.name ?? '')
  )
    return reject(
      frame,
      unknownType(
        frame.scope,
        { kind: 'identifier', name: param.type.path[0]?.name ?? '', span: param.type.span },
        'type',
      ),
    );
  return reject(
    frame,
    messages.E0205(param.span, { what: 'train', callee: decl.name.name, argument: `a default for ${name}` }),
  );
}

// A static parameter, as its type says.
function ofItsType(frame: Frame, { name, type, default: written, span }: Param, value: Value): Value {
  try {
    return matchType(frame, type, value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return reject(frame, mismatchDiagnostic(`\`${name.name}\``, error, written?.span ?? span, value));
  }
}

function modelParameter(name: string, model: Model, models: Map<string, Model>, used: Set<string>): Parameter {
  const unitName = model.decl.name.name;
  used.add(unitName);
  if (!models.has(unitName)) models.set(unitName, model);
  return { kind: 'model', name, model };
}

// A scalar that the host sets: `lr: f32[] = 1e-3`.
function option(frame: Frame, decl: TrainDecl, param: Param, setting: string | undefined): Parameter {
  const type = param.type.kind === 'tensor-type' ? inputType(frame, param.type) : null;
  if (!type || type.shape.length > 0)
    return reject(
      frame,
      messages.E0901(param.span, {
        entry: decl.name.name,
        reason: `the option \`${param.name.name}\` must be a scalar such as \`f32[]\``,
      }),
    );
  const value = param.default ? evaluate(frame, param.default) : undefined;
  const number =
    setting === undefined
      ? value && (asNumber(value) ?? (value.kind === 'bool' ? Number(value.value) : undefined))
      : Number(setting);
  if (value && value.kind !== 'unknown' && number === undefined)
    return reject(
      frame,
      messages.E0404(param.default?.span ?? param.span, { what: `the default of \`${param.name.name}\`` }),
    );
  return {
    kind: 'option',
    name: param.name.name,
    type,
    info: { name: param.name.name, dtype: type.dtype, default: number ?? null },
  };
}
