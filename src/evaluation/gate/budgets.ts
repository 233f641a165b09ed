import { byteCount } from '../../byte-count.ts';
import { figureBeside } from '../figures.ts';
import { against, type Check, fine } from './check.ts';
import type { GateInput } from './input.ts';

/** Size, memory and latency. */
export function checkBudgets(input: GateInput): Check[] {
  const { rules, sizeBytes, memoryBytes } = input;
  return [
    ...checkBytes('size', rules.budget.size, sizeBytes, 'evaluate it again'),
    ...checkBytes(
      'memory',
      rules.budget.memory,
      memoryBytes,
      'it is measured on Linux only: evaluate there, or remove evaluate.budget.memory',
    ),
    ...checkLatency(input),
  ];
}

function checkBytes(
  what: 'size' | 'memory',
  limit: number | undefined,
  found: number | null,
  mend: string,
): Check[] {
  if (limit === undefined) return [];
  if (!Number.isFinite(limit)) {
    return [against(`the ${what} budget is not a number: correct evaluate.budget.${what}`)];
  }
  if (found === null || !(found >= 0) || found === Number.POSITIVE_INFINITY) {
    return [against(`the ${what} of the candidate is missing: ${mend}`)];
  }
  const passed = found <= limit;
  const relation = passed ? 'within' : 'over';
  return [
    {
      passed,
      reason: `${what} ${byteCount(found)} (${found} bytes) is ${relation} the budget of ${byteCount(limit)}`,
    },
  ];
}

/** A relative budget is over only when chance does not explain it: when the ratio's whole interval lies above. */
function checkLatency({ rules, latency, champion, notComparable }: GateInput): Check[] {
  const { latency: budget, runner } = rules.budget;
  if (budget === undefined) return [];
  if (!(budget.value > 0 && budget.value < Number.POSITIVE_INFINITY)) {
    return [against('the latency budget is not a number above 0: correct evaluate.budget.latency')];
  }
  if (latency === null) return [against('the latency of the candidate was not measured: evaluate it again')];
  if (budget.kind === 'absolute') return [absoluteLatency(latency, budget.value, runner)];
  if (champion === null && notComparable === null) {
    return [fine('latency was not compared: there is no champion yet')];
  }
  const { ratio } = latency;
  if (ratio === null || !(ratio.lower <= ratio.upper) || !Number.isFinite(ratio.lower)) {
    return [against('the latency of the champion was not measured: evaluate again')];
  }
  const passed = ratio.lower <= budget.value;
  const [value, lower, upper] = [ratio.value, ratio.lower, ratio.upper].map((each) =>
    figureBeside(each, budget.value),
  );
  return [
    {
      passed,
      reason: `p95 latency is ${value} times the champion's in the same run, interval [${lower}, ${upper}], ${passed ? 'within' : 'over'} the budget of ${budget.value}x`,
    },
  ];
}

function absoluteLatency(
  { candidate, runner: measuredOn }: NonNullable<GateInput['latency']>,
  limit: number,
  runner: string | undefined,
): Check {
  if (runner === undefined) {
    return against('an absolute latency budget needs a machine: name it as evaluate.budget.runner');
  }
  if (measuredOn !== runner) {
    return against(
      `latency was measured on ${measuredOn === null ? 'a machine without a name' : measuredOn}, and the budget is for ${runner}: evaluate there (EDGELOOP_RUNNER or RUNNER_NAME names a machine)`,
    );
  }
  if (!(candidate.p95Ms >= 0)) return against('the latency of the candidate is missing: evaluate it again');
  const passed = candidate.p95Ms <= limit;
  return {
    passed,
    reason: `p95 latency ${figureBeside(candidate.p95Ms, limit)} ms on ${runner} is ${passed ? 'within' : 'over'} the budget of ${limit} ms`,
  };
}
