/** What a registry may be told of who we are. */
export type Credential =
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'identity-token'; token: string };

export type Environment = Readonly<Record<string, string | undefined>>;
