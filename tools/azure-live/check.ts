import { messageOf } from '../../src/errors.ts';

/** What was looked at, in one line, and whether it is what Edgeloop assumes. */
export interface Seen {
  ok: boolean;
  saw: string;
}

/** One assumption about Azure that servers of our own cannot prove; `docs/azure-live.md` has each by its id. */
export interface Check {
  id: string;
  assumed: string;
  look(): Promise<Seen>;
}

export interface Result extends Seen {
  id: string;
  assumed: string;
}

/** Looks at each, one after the other: a later one may need what an earlier one made. An error is what was seen. */
export async function runChecks(
  checks: readonly Check[],
  tell: (result: Result) => void,
  signal: AbortSignal,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { id, assumed, look } of checks) {
    signal.throwIfAborted();
    const seen = await look().catch((error: unknown): Seen => {
      signal.throwIfAborted();
      return { ok: false, saw: messageOf(error).replaceAll(/\s+/g, ' ') };
    });
    const result = { id, assumed, ...seen };
    results.push(result);
    tell(result);
  }
  return results;
}

/** As assumed when it is equal to what was expected, written as JSON. */
export function same(found: unknown, expected: unknown): Seen {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  return is === should ? { ok: true, saw: is } : { ok: false, saw: `${is}, not ${should}` };
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The results as a table, for the summary of a workflow's run. */
export function table(results: readonly Result[]): string {
  const rows = results.map(
    ({ id, assumed, ok, saw }) =>
      `| ${ok ? 'as assumed' : '**differs**'} | \`${id}\` | ${cell(assumed)} | ${cell(saw)} |`,
  );
  return ['| | check | assumed | seen |', '|---|---|---|---|', ...rows, ''].join('\n');
}
