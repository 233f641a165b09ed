import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { workflowToken } from './workflow-token.ts';

it('tells of an answer that is no token, such as the page of a proxy, without a stack', async () => {
  const server = createServer((_, response) => response.end('<html>sign in</html>'));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const token = workflowToken({
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
  });
  await expect(token?.('api://AzureADTokenExchange')).rejects.toMatchObject({
    code: 'workflow-token-missing',
  });
});
