import { describe, expect, it } from 'vitest';
import { azureCredential } from './identity.ts';

describe('a token that does not come', () => {
  const environment = { AZURE_CLIENT_ID: 'client', AZURE_TENANT_ID: 'tenant' };
  const waiting = (limitMs: number) =>
    azureCredential(environment, { idToken: () => new Promise(() => {}), mask: () => {}, limitMs });

  it('is told as such', async () => {
    await expect(waiting(100).getToken('https://storage.azure.com/.default')).rejects.toMatchObject({
      code: 'azure-token-timeout',
      message: 'no token for Azure came within 0.1 s',
    });
  });

  it('is waited for no longer than its user wants', async () => {
    const user = new AbortController();
    const token = waiting(60_000).getToken('https://storage.azure.com/.default', {
      abortSignal: user.signal,
    });
    user.abort(new Error('that is enough'));
    await expect(token).rejects.toThrow('that is enough');
  });
});
