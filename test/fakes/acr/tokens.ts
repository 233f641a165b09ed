import { randomBytes } from 'node:crypto';

/** What an account may do with every repository, in the words of Azure's scopes. */
export type Action = 'pull' | 'push' | 'delete' | 'metadata_read' | 'metadata_write';

/** Built-in roles, by Microsoft's directory of roles: none but the last two names the writing of metadata. */
export const ROLES = {
  AcrPull: ['pull', 'metadata_read'],
  AcrPush: ['pull', 'push', 'metadata_read'],
  'Container Registry Repository Writer': ['pull', 'push', 'metadata_read', 'metadata_write'],
  'Container Registry Repository Contributor': ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'],
} as const satisfies Record<string, readonly Action[]>;

export type Role = keyof typeof ROLES;

/** Who is known, by what, and every secret that there is. */
export interface Accounts {
  /** Adds an account: what `az acr login` keeps, a token with a password, and what Entra gives. */
  add(role: Role): { refreshToken: string; username: string; password: string; entraToken: string };
  /** Answers the operations below `/oauth2`; `undefined` for 401. */
  answer(
    route: string,
    sent: { query: URLSearchParams; form: URLSearchParams; basic: string | undefined },
  ): Record<string, string> | undefined;
  /** Whether a bearer token lets one do this with a repository. */
  may(token: string, repository: string, action: Action): boolean;
  secrets: string[];
}

/**
 * `entraRole`: who else is known by a token of Entra. `abac`: whether the registry has role assignments for repositories,
 * which the roles for whole registries do not count in any more.
 */
export function openAccounts(
  entraRole: (token: string) => Role | undefined = () => undefined,
  abac = false,
): Accounts {
  const byRefreshToken = new Map<string, Role>();
  const byEntraToken = new Map<string, Role>();
  const byLogin = new Map<string, Role>();
  const scopes = new Map<string, Set<string>>();
  const secrets: string[] = [];
  const secret = (): string => {
    const made = randomBytes(24).toString('base64url');
    secrets.push(made);
    return made;
  };
  const jwt = (claims: object): string => {
    const token = [{ alg: 'RS256', typ: 'JWT' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .concat(secret())
      .join('.');
    secrets.push(token);
    return token;
  };
  /** Microsoft's SDK reads when it expires. */
  const refreshTokenOf = (role: Role): string => {
    const token = jwt({ exp: Math.floor(Date.now() / 1000) + 3 * 3600, jti: secret() });
    byRefreshToken.set(token, role);
    return token;
  };
  const grant = (role: Role | undefined, scope: string): Record<string, string> | undefined => {
    if (role === undefined) return undefined;
    const counts = !abac || role.startsWith('Container Registry Repository');
    const allowed: readonly string[] = counts ? ROLES[role] : [];
    const access = scope.split(' ').flatMap((one) => {
      const [, name, list = ''] = /^repository:(.+):([\w,*]+)$/.exec(one) ?? [];
      const actions = list.split(',').filter((action) => allowed.includes(action));
      return name === undefined ? [] : [{ type: 'repository', name, actions }];
    });
    const token = jwt({ access, jti: secret() });
    scopes.set(token, new Set(access.flatMap(({ name, actions }) => actions.map((one) => `${name} ${one}`))));
    return { access_token: token };
  };
  return {
    secrets,
    add(role) {
      const [password, entraToken] = [secret(), secret()];
      const username = `token-${byLogin.size + 1}`;
      const basic = Buffer.from(`${username}:${password}`).toString('base64');
      secrets.push(basic);
      byLogin.set(basic, role);
      byEntraToken.set(entraToken, role);
      return { refreshToken: refreshTokenOf(role), username, password, entraToken };
    },
    answer(route, { query, form, basic }) {
      if (route === 'POST /oauth2/exchange') {
        const token = form.get('access_token') ?? '';
        const role = byEntraToken.get(token) ?? entraRole(token);
        return role && { refresh_token: refreshTokenOf(role) };
      }
      if (route === 'POST /oauth2/token')
        return grant(byRefreshToken.get(form.get('refresh_token') ?? ''), form.get('scope') ?? '');
      return grant(byLogin.get(basic ?? ''), query.getAll('scope').join(' '));
    },
    may: (token, repository, action) => scopes.get(token)?.has(`${repository} ${action}`) === true,
  };
}
