import type { Check, Seen } from './check.ts';
import type { Scene } from './scene.ts';

const AUDIENCES: [id: string, scope: string, audience: RegExp][] = [
  [
    'token-arm',
    'https://management.azure.com/.default',
    /^https:\/\/management\.(core\.windows\.net|azure\.com)\/?$/,
  ],
  ['token-ml', 'https://ml.azure.com/.default', /^https:\/\/ml\.azure\.com\/?$/],
  ['token-storage', 'https://storage.azure.com/.default', /^https:\/\/storage\.azure\.com\/?$/],
  [
    'token-registry',
    'https://containerregistry.azure.net/.default',
    /^https:\/\/containerregistry\.azure\.net\/?$/,
  ],
];

/** Who we are to Entra, and for whom it gives us tokens. */
export function identityChecks({ credential, idToken, signal }: Scene): Check[] {
  return [
    ...AUDIENCES.map(([id, scope, audience]) => ({
      id,
      assumed: `our identity gets a token for ${scope}`,
      async look(): Promise<Seen> {
        const { token } = await credential.getToken(scope, { abortSignal: signal });
        const aud = claimOf(token, 'aud');
        return { ok: audience.test(aud), saw: `aud ${aud}, by ${credential.source}` };
      },
    })),
    {
      id: 'token-subject',
      assumed: 'a workflow token names the repository with or without ids, and then what the job runs for',
      async look() {
        if (idToken === undefined) return { ok: true, saw: 'no workflow: not looked at' };
        const sub = claimOf(await idToken('api://AzureADTokenExchange'), 'sub');
        return {
          ok: /^repo:[^:@/]+(@\d+)?\/[^:@/]+(@\d+)?:(ref:.+|pull_request|environment:.+)$/.test(sub),
          saw: sub,
        };
      },
    },
  ];
}

/** Of a token that is not ours to judge: only to be looked at. */
function claimOf(token: string, name: string): string {
  const [, claims = ''] = token.split('.');
  const read: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
  return String(typeof read === 'object' && read !== null ? Reflect.get(read, name) : undefined);
}
