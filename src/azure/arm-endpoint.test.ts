import { describe, expect, it } from 'vitest';
import { EdgeloopError } from '../errors.ts';
import { armEndpoint } from './arm-endpoint.ts';

const named = (endpoint: string) => armEndpoint({ EDGELOOP_ARM_ENDPOINT: endpoint });

function refusalOf(endpoint: string): Partial<EdgeloopError> {
  try {
    return { message: named(endpoint).href };
  } catch (error) {
    if (!(error instanceof EdgeloopError)) throw error;
    const { code, exitCode, message } = error;
    return { code, exitCode, message };
  }
}

describe('armEndpoint', () => {
  it('is the public cloud, unless another one is named', () => {
    expect(armEndpoint({}).href).toBe('https://management.azure.com/');
    expect(named('').href).toBe('https://management.azure.com/');
    expect(named('https://management.usgovcloudapi.net').href).toBe('https://management.usgovcloudapi.net/');
  });

  it.each(['management.azure.com', 'junk', 'http://127.0.0.1:8080', 'https://'])(
    'is refused where a token would not be safe: %s',
    (endpoint) => {
      expect(refusalOf(endpoint)).toMatchObject({
        code: 'azure-endpoint-unsafe',
        exitCode: 2,
        message: expect.stringContaining(`EDGELOOP_ARM_ENDPOINT is ${endpoint},`),
      });
    },
  );

  it('shows no password', () => {
    expect(refusalOf('http://ada:secret@127.0.0.1').message).not.toContain('secret');
  });
});
