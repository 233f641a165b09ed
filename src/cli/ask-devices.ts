import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { http } from '../http.ts';

/** An agent that was asked, and what it answered. */
export interface Device {
  url: string;
  status: unknown;
}

/** Asks agents what they serve. One that does not answer is something to report, not a reason to show nothing. */
export function askDevices(urls: readonly string[] = []): Promise<Device[]> {
  return Promise.all(urls.map(async (url) => ({ url, status: await ask(url) })));
}

async function ask(url: string): Promise<unknown> {
  try {
    const { body } = await http(new URL('/edgeloop/status', url).href, { timeoutMs: 3000, retries: 0 });
    return JSON.parse(body.toString());
  } catch (error) {
    return { error: messageOf(error) };
  }
}

const servedSchema = z.looseObject({
  models: z.array(
    z.looseObject({
      name: z.string(),
      version: z.string().nullable(),
      state: z.string(),
      digest: z.string().nullable().optional(),
    }),
  ),
});

/** A device in one line; of one release when it is given. */
export function deviceLine({ status }: Device, release?: { model: string; digest: string }): string {
  const served = servedSchema.safeParse(status);
  if (served.success) {
    const models = served.data.models.filter(({ name }) => release === undefined || name === release.model);
    const lines = models.map(({ name, version, state, digest }) => {
      const isIt = release !== undefined && digest === release.digest ? ', this very model' : '';
      return `${name} ${version ?? 'nothing'} (${state}${isIt})`;
    });
    return lines.join(', ') || 'no such model';
  }
  return typeof status === 'object' && status !== null && 'error' in status
    ? String(status.error)
    : 'no agent answers';
}
