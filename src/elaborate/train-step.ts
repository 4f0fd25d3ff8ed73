// When a `step` of a train takes place: every=k, from=a, until=b compare completed iterations.
import type { Value as GraphValue } from '../ir/graph.ts';
import type { StepMember } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { unknownArgument } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { graphOf } from './expressions/tensors.ts';
import { reject, report, type Frame } from './frame.ts';
import type { StepCondition } from './optimize.ts';
import { asNumber } from './values.ts';

const known = ['every', 'from', 'until'];

/** The condition as a bool[] of the graph, null where the step always runs. */
export function stepCondition(frame: Frame, step: StepMember): StepCondition {
  const values = new Map<string, number>();
  for (const arg of step.args ?? []) {
    const name = arg.name?.name ?? known[values.size] ?? '';
    if (!known.includes(name)) {
      report(
        frame,
        unknownArgument(
          name,
          arg.name?.span ?? arg.span,
          known,
          { name: step.name.name, what: 'step', span: step.span, text: step.name.name },
          [`step ${step.name.name}(every=1, from=0, until)`],
        ),
      );
      continue;
    }
    const value = arg.value.kind === 'hole' ? undefined : asNumber(evaluate(frame, arg.value));
    if (value === undefined) reject(frame, messages.E0404(arg.span, { what: `\`${name}\` of a step` }));
    values.set(name, value);
  }
  const [every, from, until] = [values.get('every') ?? 1, values.get('from') ?? 0, values.get('until')];
  return { every, from, when: condition(frame, every, from, until) };
}

function condition(frame: Frame, every: number, from: number, until: number | undefined): GraphValue | null {
  const { builder } = graphOf(frame);
  const count = (): GraphValue => graphOf(frame).iteration();
  const number = (n: number): GraphValue => builder.full('i32', n);
  const parts: GraphValue[] = [];
  if (every > 1)
    parts.push(
      builder.binary('eq', builder.binary('rem', builder.sub(count(), number(from)), number(every)), number(0)),
    );
  if (from > 0) parts.push(builder.binary('le', number(from), count()));
  if (until !== undefined) parts.push(builder.binary('lt', count(), number(until)));
  return parts.length === 0 ? null : parts.reduce((a, b) => builder.binary('and', a, b));
}
