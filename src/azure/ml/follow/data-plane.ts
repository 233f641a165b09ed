import type { AccessToken } from '@azure/identity';
import { failure } from '../../../errors.ts';
import { http } from '../../../http.ts';
import { SCOPE } from '../../audiences.ts';
import { parseAnswer } from '../failures.ts';
import type { MlWorkspace } from '../workspace.ts';

/** Run history and MLflow of a workspace, which Resource Manager does not lead to. */
export interface DataPlane {
  /**
   * Asks for JSON: `service` is `history` or `mlflow`, `path` goes below the workspace. `undefined` where there is no
   * such thing. Throws `azure-forbidden`, `azure-refused`, `azure-answer-unexpected` and what `http` throws.
   */
  get(service: 'history' | 'mlflow', path: string): Promise<unknown>;
}

/** A token that ends sooner is not used any more. */
const LEFT_MS = 2 * 60_000;
const TIMEOUT_MS = 30_000;

/** Opens it; a token is kept as long as it holds, since the Azure CLI takes a second for each. */
export function openDataPlane(ml: MlWorkspace): DataPlane {
  const { signal } = ml;
  let kept: AccessToken | undefined;
  const ask = async (url: string) => {
    if (kept === undefined || kept.expiresOnTimestamp - Date.now() < LEFT_MS) {
      kept = await ml.credential.getToken(SCOPE.resourceManager, signal && { abortSignal: signal });
    }
    const headers = { authorization: `Bearer ${kept.token}`, accept: 'application/json' };
    return http(url, { headers, timeoutMs: TIMEOUT_MS, ...(signal && { signal }) });
  };
  return {
    async get(service, path) {
      const url = `${await ml.dataPlane()}/${service}/v1.0${ml.id}${path}`;
      let answer = await ask(url);
      if (answer.status === 401) {
        kept = undefined;
        answer = await ask(url);
      }
      const { status, body } = answer;
      if (status === 404) return undefined;
      if (status !== 200) throw refused(ml, `${service}${path.replace(/\?.*/s, '')}`, status);
      return parseAnswer(body.toString(), url);
    },
  };
}

function refused({ settings, credential }: MlWorkspace, what: string, status: number): Error {
  const told = `${what} of the workspace "${settings.workspace}" was answered with ${status}, for the identity of: ${credential.source ?? 'who we are'}`;
  return status === 401 || status === 403
    ? failure(
        'azure-forbidden',
        told,
        `Give it the role "AzureML Data Scientist" on the workspace "${settings.workspace}" in ${settings.resourceGroup}; a new role takes up to ten minutes.`,
      )
    : failure('azure-refused', told, 'Run it again later; status.azure.com tells of faults.');
}
