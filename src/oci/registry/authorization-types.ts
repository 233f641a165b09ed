/**
 * Who we are to one registry. A scope is `repository:NAME:pull` or `repository:NAME:pull,push` (distribution, "Token
 * Scope Documentation").
 */
export interface Authorization {
  /** The `Authorization` header to send for a scope; `undefined` to send none. */
  header(scope: string): Promise<string | undefined>;
  /** Told of a 401 with this `WWW-Authenticate`; true when it is worth another try with a new header. */
  challenged(scope: string, wwwAuthenticate: string): Promise<boolean>;
}
