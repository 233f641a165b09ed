import { describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../../test/fakes/fault-proxy.ts';
import { HTML_PAGE } from '../../../test/fakes/faults.ts';
import { available, type RegistryKind, startRegistry } from '../../../test/fixtures/registries.ts';
import { writeArtifact } from '../artifact.ts';
import type { Descriptor } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import type { Repository } from '../repository.ts';
import type { Authorization } from './authorization-types.ts';
import { openHttpRepository } from './http-registry.ts';

const VERDICT = 'application/vnd.test.verdict';
const MANIFEST = { path: /\/manifests\// };
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

async function start(
  kind: RegistryKind,
  authorization?: Authorization,
): Promise<{ proxy: FaultProxy; repository: Repository }> {
  const registry = await startRegistry(kind);
  onTestFinished(() => registry.stop());
  const proxy = await startFaultProxy(registry.url);
  onTestFinished(() => proxy.stop());
  const settings = { host: proxy.host, ...(authorization && { authorization }) };
  return { proxy, repository: openHttpRepository('models/churn', settings) };
}

const write = (
  repository: Repository,
  content: string,
  extra: Partial<Parameters<typeof writeArtifact>[1]> = {},
): Promise<Descriptor> =>
  writeArtifact(repository, {
    artifactType: VERDICT,
    mediaType: 'text/plain',
    bytes: new TextEncoder().encode(content),
    ...extra,
  });

/** A page of tags in the place of the registry's. */
const page = (tags: string, link: string) =>
  ({
    fault: 'answer',
    status: 200,
    headers: { link, 'content-type': 'application/json' },
    body: tags,
  }) as const;

const bare = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
const referrersAnswer = (manifests: Descriptor[], headers = {}) =>
  ({
    fault: 'answer',
    status: 200,
    headers: { 'content-type': OCI_INDEX, ...headers },
    body: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
  }) as const;

describe.skipIf(!available('docker-registry'))('a manifest in docker-registry', () => {
  // 2.8 says so of what is there, for a moment, while another client writes the same manifest.
  it.each([
    [1, 'is written again'],
    [2, 'is given up'],
  ])('that is refused %i times for blobs that are there %s', async (times) => {
    const { proxy, repository } = await start('docker-registry');
    const body = JSON.stringify({ errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] });
    proxy.fault({ fault: 'answer', status: 400, body }, { ...MANIFEST, method: 'PUT', times });
    const written = write(repository, 'x', { tag: 'v' }).then(
      () => 'written',
      ({ code }: { code: string }) => code,
    );
    expect(await written).toBe(times === 1 ? 'written' : 'registry-failed');
  });

  it('that was damaged on the way is refused, by digest and by tag', async () => {
    const { proxy, repository } = await start('docker-registry');
    const { digest } = await write(repository, 'a', { tag: 't' });
    for (const reference of [digest, 't']) {
      proxy.fault({ fault: 'flip-bit', atByte: 30 }, MANIFEST);
      await expect(repository.readManifest(reference)).rejects.toMatchObject({ code: 'digest-mismatch' });
      proxy.heal();
    }
    expect(await repository.readManifest('t')).toMatchObject({ descriptor: { digest } });
  });

  it('without end is left after 4 MiB', async () => {
    const { proxy, repository } = await start('docker-registry');
    await write(repository, 'a', { tag: 't' });
    proxy.fault({ fault: 'endless' }, MANIFEST);
    await expect(repository.readManifest('t')).rejects.toMatchObject({ code: 'manifest-too-large' });
  });

  it('that is a web page is told from one, wherever it comes', async () => {
    const { proxy, repository } = await start('docker-registry');
    proxy.fault(HTML_PAGE, { times: Infinity });
    const unexpected = { code: 'registry-answer-unexpected' };
    await expect(repository.readManifest('t')).rejects.toMatchObject(unexpected);
    await expect(repository.resolve('t')).rejects.toMatchObject(unexpected);
    await expect(repository.tags()).rejects.toMatchObject(unexpected);
    await expect(repository.hasBlob(digestOf(Buffer.from('x')))).rejects.toMatchObject(unexpected);
    await expect(write(repository, 'a')).rejects.toMatchObject(unexpected);
  });

  it('is written again after 503, and a refusal says what the registry said, on one line', async () => {
    const { proxy, repository } = await start('docker-registry');
    const body = '{"errors":[{"code":"DENIED","message":"quota\\nused up"}]}';
    proxy.fault(
      { fault: 'answer', status: 503, headers: { 'retry-after': '0' } },
      { method: 'PUT', ...MANIFEST },
    );
    await write(repository, 'a', { tag: 't' });
    proxy.fault({ fault: 'answer', status: 403, body }, { method: 'PUT', ...MANIFEST, times: Infinity });
    await expect(write(repository, 'b')).rejects.toMatchObject({
      code: 'registry-denied',
      message: expect.stringContaining('answered 403 (DENIED: quota used up)'),
    });
  });

  it('is asked for again after a challenge, with the scope that it needs', async () => {
    const asked: string[] = [];
    let isKnown = false;
    const { proxy, repository } = await start('docker-registry', {
      header: async (scope) => (isKnown ? `Bearer ${scope}` : undefined),
      async challenged(scope, wwwAuthenticate) {
        asked.push(scope, wwwAuthenticate);
        return (isKnown = true);
      },
    });
    const headers = { 'www-authenticate': 'Bearer realm="https://auth.example/token"' };
    proxy.fault({ fault: 'answer', status: 401, headers });
    expect(await repository.tags()).toEqual([]);
    expect(asked).toEqual(['repository:models/churn:pull', headers['www-authenticate']]);
    expect(proxy.requests.map((seen) => seen.headers.authorization)).toEqual([
      undefined,
      'Bearer repository:models/churn:pull',
    ]);
    proxy.fault({ fault: 'answer', status: 401, headers }, { times: Infinity });
    await expect(write(repository, 'a')).rejects.toMatchObject({ code: 'registry-unauthorized' });
    const challenge = ['repository:models/churn:pull,push', headers['www-authenticate']];
    // Who says yes for ever is not asked for ever.
    expect(asked.slice(2)).toEqual([challenge, challenge, challenge].flat());
  });
});

describe.skipIf(!available('docker-registry'))('the tags of docker-registry', () => {
  it('come on several pages', async () => {
    const { proxy, repository } = await start('docker-registry');
    for (const tag of ['b', 'c']) await write(repository, 'a', { tag });
    const path = /\/tags\/list\?n=/;
    proxy.fault(page('{"tags":["z","c"]}', '</v2/models/churn/tags/list?last=b&n=1>; rel="next"'), { path });
    expect(await repository.tags()).toEqual(['b', 'c', 'z']);
    expect(proxy.requests.at(-1)?.path).toBe('/v2/models/churn/tags/list?last=b&n=1');
  });

  it('are refused when their pages have no end, or another shape', async () => {
    const { proxy, repository } = await start('docker-registry');
    proxy.fault(page('{"tags":["a"]}', '<?n=1000>; rel="next"'), { times: Infinity });
    await expect(repository.tags()).rejects.toMatchObject({ code: 'registry-answer-unexpected' });
    proxy.heal();
    proxy.fault(page('{"tags":{"a":1}}', ''), { times: Infinity });
    await expect(repository.tags()).rejects.toMatchObject({
      message: expect.stringContaining('it answered 200 with tags: '),
    });
  });
});

describe.skipIf(!available('docker-registry'))('referrers', () => {
  it('are listed under the fallback tag with their true artifact type and annotations', async () => {
    const { repository } = await start('docker-registry');
    const subject = await write(repository, 'subject');
    const annotations = { outcome: 'pass' };
    const verdict = await write(repository, 'verdict', { subject, annotations });
    await write(repository, 'verdict', { subject, annotations });
    const index = await repository.readManifest(subject.digest.replace(':', '-'));
    expect(JSON.parse(Buffer.from(index?.bytes ?? []).toString())).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...verdict, annotations }],
    });
  });

  it('of several writers are all listed', async () => {
    const { proxy, repository } = await start('docker-registry');
    const other = openHttpRepository('models/churn', { host: proxy.host });
    const subject = await write(repository, 'subject');
    const written = await Promise.all(
      [repository, other].map((writer, at) => write(writer, `${at}`, { subject })),
    );
    const found = await repository.referrers(subject.digest);
    expect(found.map(({ digest }) => digest).toSorted()).toEqual(
      written.map(({ digest }) => digest).toSorted(),
    );
  });

  it('without annotations or artifact type are completed from their manifests, and filtered here', async () => {
    const { proxy, repository } = await start('docker-registry');
    const annotations = { outcome: 'pass' };
    const one = await write(repository, 'one', { annotations });
    const two = await write(repository, 'two', { artifactType: 'application/vnd.test.other' });
    const deleted = { ...bare(two), digest: `sha256:${'0'.repeat(64)}` };
    const link = { link: '<?page=2>; rel="next"' };
    proxy.fault(referrersAnswer([bare(two), deleted], link), { path: /\/referrers\/[^?]*\?artifactType=/ });
    proxy.fault(referrersAnswer([bare(one)]), { path: /\?page=2$/ });
    expect(await repository.referrers(digestOf(Buffer.from('x')), VERDICT)).toEqual([
      { ...one, annotations },
    ]);
  });
});
