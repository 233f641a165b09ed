import { homedir } from 'node:os';
import { http } from '../../http.ts';
import { authorization } from './authorization.ts';
import type { Authorization } from './authorization-types.ts';
import type { Environment } from './credential.ts';
import { credentialFor } from './credentials.ts';

export interface LogInSettings {
  environment: Environment;
  plainHttp?: boolean;
  /** Gives an Entra access token for Azure's registries. */
  entraToken?: () => Promise<string>;
  /** What gave the last Entra token: for messages. */
  entraSource?: () => string | undefined;
  /** Takes each token the moment that it is had. */
  mask?: (secret: string) => void;
}

/**
 * Who we are to each registry host, by what the environment and the docker configuration of this user say, and when they
 * say nothing for Azure's by an Entra token, for ghcr.io by the token that a GitHub workflow has in `GITHUB_TOKEN`. Nothing is looked up, and no
 * credential helper asked, before a registry has asked for a credential.
 */
export function logIn(settings: LogInSettings): (host: string) => Authorization {
  const { environment, ...given } = settings;
  return (host) => {
    let known: Promise<Authorization> | undefined;
    const asked: string[] = [];
    const find = async (): Promise<Authorization> => {
      const home = environment['HOME'] ?? homedir();
      const credential = await credentialFor(host, { environment, home });
      const found = authorization({
        ...given,
        workflowToken: environment['GITHUB_TOKEN'],
        host,
        credential,
        request: http,
      });
      // It counts the requests that are under way without a header: their challenges are no refusals of what it gets.
      for (const scope of asked) await found.header(scope);
      return found;
    };
    return {
      header: async (scope) => {
        if (known !== undefined) return (await known).header(scope);
        asked.push(scope);
        return undefined;
      },
      challenged: async (scope, wwwAuthenticate) => {
        known ??= find();
        return (await known).challenged(scope, wwwAuthenticate);
      },
    };
  };
}
