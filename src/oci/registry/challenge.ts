/** What a registry asks for with a 401. A bearer's realm is the URL that gives tokens; a basic one is words. */
export interface Challenge {
  scheme: 'basic' | 'bearer';
  realm: string;
  service?: string;
  scope?: string;
}

// RFC 9110 5.6.2 and 11.2. A sticky expression matches only where the last one ended.
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SCHEME = new RegExp(`(?:^|[ \\t]*,)[ \\t,]*(${TOKEN})`, 'y');
const PARAMETER = new RegExp(`(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y');
const TOKEN68 = /[ \t]+[0-9A-Za-z._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const SPACES = /[ \t]+/y;
const COMMAS = /[ \t]*,[ \t,]*/y;

/**
 * The challenges of a `WWW-Authenticate` (RFC 9110 11.6.1) that a registry client can meet, in their order. Other
 * schemes, and a bearer's without a realm, are left out; so is everything after a mistake in the syntax.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  for (let found = take(SCHEME); found !== null; found = take(SCHEME)) {
    const parameters = new Map<string, string>();
    // A comma separates both parameters and challenges: what follows it is a parameter only when it has a "=".
    for (let before = at; take(parameters.size === 0 ? SPACES : COMMAS) !== null; before = at) {
      const [, name, quoted, plain] = take(PARAMETER) ?? [];
      if (name === undefined) {
        at = before;
        break;
      }
      const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
    }
    if (parameters.size === 0) take(TOKEN68);
    const challenge = challengeOf(found[1] ?? '', parameters);
    if (challenge !== undefined) challenges.push(challenge);
  }
  return challenges;
}

function challengeOf(name: string, parameters: Map<string, string>): Challenge | undefined {
  const scheme = name.toLowerCase();
  const realm = parameters.get('realm');
  if (scheme === 'basic') return { scheme, realm: realm ?? '' };
  if (scheme !== 'bearer' || realm === undefined) return undefined;
  const service = parameters.get('service');
  const scope = parameters.get('scope');
  return { scheme, realm, ...(service !== undefined && { service }), ...(scope !== undefined && { scope }) };
}
