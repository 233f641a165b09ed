// infra/azure, as far as it can be checked where Microsoft's compiler cannot be had: the grammar of the language
// (tree-sitter-bicep), names that are declared and used, what modules ask for and give, and roles by their names.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edit } from '../fixtures/expect-error.ts';
import { findBicepGrammar } from '../tooling/find.ts';

const FOLDER = resolve(import.meta.dirname, '../../infra/azure');
const PYTHON = findBicepGrammar();

function findings(folder: string): string[] {
  const script = join(import.meta.dirname, 'bicep.py');
  const { stdout, stderr } = spawnSync(PYTHON ?? '', [script, folder], { encoding: 'utf8' });
  return (stdout + stderr).split('\n').filter(Boolean);
}

describe.skipIf(PYTHON === undefined)('infra/azure', () => {
  it('is sound', () => {
    expect(findings(FOLDER)).toEqual([]);
  });

  it.each([
    ['main.bicep', "['ref:refs/heads/${branch}'],", "['ref:refs/heads/${branch}',", 'no Bicep'],
    ['main.bicep', "'repo:${repository}'", "'repo:${repo}'", 'nothing is named repo'],
    ['main.bicep', 'devices: devices', 'device: devices', 'registry.bicep asks for devices'],
    ['main.bicep', 'workflowClient', 'workflowClientId', 'identities.bicep gives no workflowClientId'],
    ['main.bicep', "'modules/data.bicep'", "'modules/date.bicep'", 'there is no date.bicep'],
    ['modules/data.bicep', 'guid(container.id', 'guide(container.id', 'nothing is named guide'],
    ['modules/workspace.bicep', 'vmSize: machine', "vmSize: 'Standard_E4ds_v4'", 'machine is not used'],
    ['main.bicepparam', 'param channels', 'param channel', 'main.bicep has no parameter channel'],
  ])('would be found out: %s with %j turned into %j', (file, from, to, finding) => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-bicep-'));
    cpSync(FOLDER, folder, { recursive: true });
    edit(folder, file, [from, to]);
    expect(findings(folder).join('\n')).toContain(finding);
  });
});

/** Microsoft, "Azure built-in roles". */
const ROLES: Record<string, string> = {
  'AzureML Data Scientist': 'f6c7c914-8db3-469d-8ca1-694a8f32e121',
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
  'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
  AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec',
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
  'Container Registry Repository Reader': 'b93aa761-3e63-49ed-ac28-beffa264f7ac',
  'Container Registry Repository Writer': '2a1e307c-b015-4ebd-883e-5b7698a07328',
};

describe('the roles of infra/azure', () => {
  it('are called by their names, and stand in the guide', () => {
    const modules = ['registry', 'data', 'workspace'].map((name) =>
      readFileSync(join(FOLDER, `modules/${name}.bicep`), 'utf8'),
    );
    const named = modules.join('\n').matchAll(/= '([0-9a-f]{8}-[0-9a-f-]{27})' \/\/ (.+)/g);
    const roles = Array.from(named, ([, id, name]) => [name, id]);
    expect(Object.fromEntries(roles)).toEqual(ROLES);
    const guide = readFileSync(join(FOLDER, '../../docs/azure.md'), 'utf8');
    expect(Object.keys(ROLES).filter((name) => !guide.includes(name))).toEqual([]);
  });
});
