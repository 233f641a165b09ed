import { expect, it } from 'vitest';
import { isAzureRegistry } from './azure-host.ts';

it.each([
  ['contoso.azurecr.io', true],
  ['contoso.azurecr.cn', true],
  ['contoso.azurecr.us', true],
  ['contoso.westeurope.geo.azurecr.io', true],
  ['azurecr.io', false],
  ['contoso.azurecr.io.example', false],
  ['notazurecr.io', false],
  ['oci:contoso.azurecr.io', false],
  ['contoso.azurecr.io:5000', false],
])('%s is a registry of Azure: %s', (host, isOne) => {
  expect(isAzureRegistry(host)).toBe(isOne);
});
