import { describe, expect, it } from 'vitest';
import { openRegistry } from './open-registry.ts';

describe('openRegistry', () => {
  it.each(['oci:.edgeloop/registry', 'ghcr.io/owner/repo', 'localhost:5000/models', '[::1]:5000/a/b'])(
    'opens %s',
    (setting) => {
      expect(openRegistry(setting).name).toBe(setting);
      expect(openRegistry(setting).repository('churn').name).toBe(`${setting}/churn`);
    },
  );

  it.each([
    ['oci:', 'nor'],
    ['models', 'does not start with a registry host'],
    ['https://ghcr.io/owner', 'URL scheme'],
    ['ghcr.io', 'does not start with a registry host'],
    ['ghcr.io/Owner', 'not a repository name'],
    ['ghcr.io/owner:latest', 'nor a place in a registry'],
  ])('says what is wrong with %s', (setting, why) => {
    expect(() => openRegistry(setting)).toThrow(
      expect.objectContaining({
        code: 'registry-unsupported',
        exitCode: 2,
        message: expect.stringContaining(why),
      }),
    );
  });

  it('asks who we are to the host', async () => {
    const hosts: string[] = [];
    openRegistry('localhost:1/models', {
      authorize(host) {
        hosts.push(host);
        return undefined;
      },
    });
    expect(hosts).toEqual(['localhost:1']);
  });
});
