import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { http } from '../http.ts';
import { readStatus, type Status } from '../loop/status.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

interface Device {
  url: string;
  status: unknown;
}

/** `edgeloop status [--device URL...]` */
export default function showStatus(options: CommonOptions & { device?: string[] }): Promise<void> {
  return runVerb(options, async (context) => {
    const read = await readStatus(await openProject(options, context));
    const devices = await Promise.all((options.device ?? []).map(askDevice));
    return { json: { ...facts(read), devices }, text: page(read, devices) };
  });
}

/** A device that does not answer is something to report, not a reason to show nothing. */
async function askDevice(url: string): Promise<Device> {
  try {
    const { body } = await http(new URL('/edgeloop/status', url).href, { timeoutMs: 3000, retries: 0 });
    return { url, status: JSON.parse(body.toString()) };
  } catch (error) {
    return { url, status: { error: messageOf(error) } };
  }
}

function facts({ models, channels }: Status) {
  return {
    models: models.map(({ model, champion, releases }) => ({
      model,
      champion,
      releases: releases.map(({ version, date, lock, tag, commit }) => ({
        version,
        date,
        bump: lock.bump,
        reasons: lock.reasons,
        digest: lock.modelManifest,
        tag,
        commit,
      })),
    })),
    channels,
  };
}

function page({ models, channels }: Status, devices: Device[]): string {
  const lines: string[] = [];
  for (const { model, champion, releases } of models) {
    lines.push(`${model}: champion ${champion === null ? 'none yet' : champion.version}`);
    for (const { version, date, lock } of releases) {
      lines.push(
        `  ${version.padEnd(9)} ${date.slice(0, 10)}  ${lock.bump.padEnd(5)}  ${lock.reasons.join('; ')}`,
      );
    }
  }
  for (const { channel, model, version, sequence, issued } of channels) {
    lines.push(`channel ${channel}: ${model} ${version} (document ${sequence}, ${issued})`);
  }
  for (const { url, status } of devices) lines.push(`device ${url}: ${deviceLine(status)}`);
  return lines.join('\n');
}

const deviceSchema = z.looseObject({
  models: z.array(z.looseObject({ name: z.string(), version: z.string().nullable(), state: z.string() })),
});

function deviceLine(status: unknown): string {
  const served = deviceSchema.safeParse(status);
  if (served.success) {
    return served.data.models
      .map(({ name, version, state }) => `${name} ${version ?? 'nothing'} (${state})`)
      .join(', ');
  }
  return typeof status === 'object' && status !== null && 'error' in status
    ? String(status.error)
    : 'no agent answers';
}
