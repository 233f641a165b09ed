import { z } from 'zod';
import { failure } from '../../../errors.ts';
import { type DataPlane, openDataPlane } from './data-plane.ts';
import type { MlWorkspace } from '../workspace.ts';

// MLflow, "REST API": runs/get; protobuf's JSON writes NaN and infinities as text, and 64-bit integers as well.
const number = z.union([z.number(), z.string()]).nullish();
const runSchema = z.object({
  run: z.object({
    data: z
      .object({
        metrics: z
          .array(z.object({ key: z.string(), value: number, step: number, timestamp: number }))
          .nullish(),
      })
      .nullish(),
  }),
});

/** The last value of each metric that a job logged with MLflow; none is no failure, what is no finite number left out. */
export async function readMetrics(
  ml: MlWorkspace,
  job: string,
  plane: DataPlane = openDataPlane(ml),
): Promise<Record<string, number>> {
  const answer = await plane.get('mlflow', `/api/2.0/mlflow/runs/get?run_id=${encodeURIComponent(job)}`);
  if (answer === undefined) return {};
  const { data } = runSchema.safeParse(answer);
  if (data === undefined) {
    throw failure(
      'azure-answer-unexpected',
      `what MLflow tells of the job ${job} has another form than described`,
      'Look at its metrics in the studio.',
    );
  }
  return lastValues(
    (data.run.data?.metrics ?? []).map(({ key, value, step, timestamp }) => ({
      key,
      value: Number(value ?? Number.NaN),
      step: Number(step ?? 0),
      timestamp: Number(timestamp ?? 0),
    })),
  );
}

interface Logged {
  key: string;
  value: number;
  step: number;
  timestamp: number;
}

/** As MLflow itself decides which is the latest: by step, then by time, then by value. */
export function lastValues(logged: readonly Logged[]): Record<string, number> {
  const ordered = logged
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => a.step - b.step || a.timestamp - b.timestamp || a.value - b.value);
  return Object.fromEntries(ordered.map(({ key, value }) => [key, value]));
}
