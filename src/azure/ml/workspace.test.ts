import { expect, it } from 'vitest';
import { openMlWorkspace } from './workspace.ts';

it('no token goes to a next page that is not at Resource Manager', async () => {
  let tokens = 0;
  const ml = openMlWorkspace({
    settings: { subscription: 's', resourceGroup: 'g', workspace: 'w' },
    credential: {
      source: 'test',
      async getToken() {
        tokens += 1;
        return { token: 'secret', expiresOnTimestamp: Date.now() + 60_000 };
      },
    },
    environment: {},
    mask: () => {},
  });
  for (const path of ['https://elsewhere.example/subscriptions/s', 'http://management.azure.com/x']) {
    const sent = ml.send({ method: 'GET', path, apiVersion: '2022-10-01' });
    await expect(sent).rejects.toMatchObject({ code: 'azure-answer-unexpected' });
  }
  expect(tokens).toBe(0);
});
