// Verify against a registry that lets an account read only, and that has no referrers API.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRegistry, logIn, type Repository } from '../../src/oci/index.ts';
import { type IssuerSettings, startTokenIssuer, type TokenIssuer } from '../fakes/token-issuer.ts';
import { churnProject, edgeloopWith } from '../fixtures/churn-project.ts';
import { lockOf } from '../fixtures/disagreements.ts';
import { availableWithCertificates, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

const ACCOUNT = { username: 'ada', password: 'not-a-secret' };
const NOTHING_WRONG = { ok: true, findings: [] };

describe.skipIf(!availableWithCertificates('docker-registry'))('verify of docker-registry', () => {
  const account: IssuerSettings = { ...ACCOUNT };
  let issuer: TokenIssuer;
  let registry: RunningRegistry;
  let project: string;
  let repository: Repository;
  let environment: Record<string, string>;

  beforeAll(async () => {
    issuer = await startTokenIssuer(account);
    registry = await startRegistry('docker-registry', { auth: issuer.auth });
    project = churnProject();
    environment = {
      EDGELOOP_REGISTRY: `${registry.host}/models`,
      EDGELOOP_REGISTRY_USERNAME: ACCOUNT.username,
      EDGELOOP_REGISTRY_PASSWORD: ACCOUNT.password,
    };
    const authorize = logIn({ environment: { HOME: '/nonexistent', ...environment } });
    repository = openRegistry(`${registry.host}/models`, { authorize }).repository('churn');
    await run(0, 'retrain', 'churn');
    await run(0, 'release', 'churn');
    await run(0, 'rollout', 'churn@1.0.0', '--channel', 'production');
  }, 120_000);
  afterAll(async () => {
    await registry?.stop();
    await issuer?.stop();
  });

  async function run(code: number, ...args: string[]) {
    const ran = await edgeloopWith(environment, project, ...args, '--json');
    expect({ args, code: ran.code, stderr: ran.code === code ? '' : ran.stderr }).toEqual({
      args,
      code,
      stderr: '',
    });
    return JSON.parse(ran.stdout);
  }

  /** Runs it with an account that gets no token to push. */
  async function readingOnly<T>(use: () => Promise<T>): Promise<T> {
    account.readOnly = /^models\//;
    try {
      return await use();
    } finally {
      delete account.readOnly;
    }
  }

  /** Overwrites a fallback tag, as a client does that had read it too early. */
  async function putList(tag: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const scope = 'repository:models/churn:pull,push';
    const asked = `${issuer.auth.realm}?service=${issuer.auth.service}&scope=${scope}`;
    const basic = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
    const answer = await fetch(asked, { headers: { authorization: `Basic ${basic}` } });
    const { token }: { token: string } = JSON.parse(await answer.text());
    const headers = { authorization: `Bearer ${token}`, 'content-type': INDEX };
    const url = `${registry.url}/v2/models/churn/manifests/${tag}`;
    expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(201);
  }

  it('needs no right to write, and asks for none', async () => {
    const before = issuer.asked.length;
    expect(await readingOnly(() => run(0, 'verify', 'churn'))).toEqual(NOTHING_WRONG);
    const scopes = issuer.asked.slice(before).flatMap((asked) => asked.scopes);
    expect(new Set(scopes)).toEqual(new Set(['repository:models/churn:pull']));
  });

  it('says of a repair which it may not write, and mends it with an account that may', async () => {
    const { image, modelManifest } = lockOf(project, '1.0.0');
    const model = await repository.readManifest(modelManifest);
    await repository.writeManifest(model?.bytes ?? Buffer.of(), { tag: '1', moveTag: true });
    const stale = { code: 'moving-tag-stale', subject: '1', values: { git: image, registry: modelManifest } };

    const refused = await readingOnly(() => run(3, 'verify', 'churn', '--repair'));
    expect(refused).toMatchObject({
      ok: false,
      findings: [
        stale,
        { code: 'registry-unauthorized', subject: '1', model: 'churn', mend: expect.stringMatching(/\w/) },
      ],
      repaired: [],
    });
    expect((await repository.resolve('1'))?.digest).toBe(modelManifest);

    expect(await run(0, 'verify', 'churn', '--repair')).toMatchObject({
      ...NOTHING_WRONG,
      repaired: [{ code: 'moving-tag-stale', subject: '1' }],
    });
    expect((await repository.resolve('1'))?.digest).toBe(image);
    expect(await run(0, 'verify', 'churn')).toEqual(NOTHING_WRONG);
  });

  it('finds a list of referrers that lost its entries, and puts back what is known', async () => {
    const { modelManifest, verdict } = lockOf(project, '1.0.0');
    const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }));
    await putList(modelManifest.replace(':', '-'), list);
    const { findings } = await run(3, 'verify', 'churn');
    expect(findings.map(({ code, subject }: Named) => [code, subject])).toEqual([
      ['referrer-unlisted', verdict],
      ['report-missing', verdict],
      ['dataset-manifest-missing', modelManifest],
      ['code-manifest-missing', modelManifest],
    ]);
    const mended = await run(3, 'verify', 'churn', '--repair');
    expect(mended.repaired.map(({ code }: Named) => code)).toEqual([
      'referrer-unlisted',
      'dataset-manifest-missing',
      'code-manifest-missing',
    ]);
    expect(mended.findings.map(({ code }: Named) => code)).toEqual(['report-missing']);
    expect((await repository.referrers(modelManifest)).map(({ digest }) => digest)).toContain(verdict);
  });
});

const INDEX = 'application/vnd.oci.image.index.v1+json';

interface Named {
  code: string;
  subject: string;
}
