import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AZURITE, BICEP_GRAMMAR, GITHUB_API, type Specification, SPECIFICATIONS } from './specifications.ts';
import { TRAINERS } from './trainers.ts';

// What the tests need that npm does not have, at pinned versions. Everything lands in `.tools`, but for Debian
// packages, which need root. Does nothing when all is there; says loudly what could not be installed.

interface Tool {
  name: string;
  /** Exists when the tool is installed in this version. */
  proof: string;
  install: () => void;
}

const TOOLS = resolve(import.meta.dirname, '../../.tools');
const BIN = join(TOOLS, 'bin');
const PYTHON = join(TOOLS, 'python');

const tools: Tool[] = [
  goTool('crane', 'github.com/google/go-containerregistry/cmd/crane@v0.22.1'),
  goTool('oras', 'oras.land/oras/cmd/oras@v1.3.6'),
  goTool('regctl', 'github.com/regclient/regclient/cmd/regctl@v0.11.7'),
  goTool('distribution', 'github.com/distribution/distribution/v3/cmd/registry@v3.1.2'),
  goTool('act', 'github.com/nektos/act@v0.2.89'),
  goTool('actionlint', 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'),
  goProgram('ociregistry', join(import.meta.dirname, 'ociregistry')),
  ...SPECIFICATIONS.map(schemas),
  gitHubDescription(),
  azurite(),
  pythonTool('gto', ['gto==1.10.0']),
  pythonTool('zizmor', ['zizmor==1.32.0']),
  pythonTool('the grammar of Bicep', BICEP_GRAMMAR.packages),
  // In an environment of their own: what gto needs must not meet what a training is pinned to.
  {
    name: 'scikit-learn (the examples in Python)',
    proof: TRAINERS.proof,
    install: () =>
      installPython(
        TRAINERS.folder,
        TRAINERS.requirements.flatMap((file) => ['-r', file]),
        TRAINERS.proof,
      ),
  },
  debianTool('skopeo', '/usr/bin/skopeo'),
  debianTool('docker-registry', '/usr/bin/docker-registry'),
  debianTool('podman', '/usr/bin/podman'),
  debianTool('runc', '/usr/bin/runc'),
  // Not its program: the package that links it dynamically has it under the same name.
  debianTool('busybox-static', '/usr/share/doc/busybox-static'),
  debianTool('openssl', '/usr/bin/openssl'),
  debianTool('procps', '/usr/bin/ps'),
];

function goTool(name: string, module: string): Tool {
  const proof = stamp(module);
  return {
    name,
    proof,
    install() {
      run('go', ['install', module], { GOBIN: BIN, GOFLAGS: '-modcacherw' });
      writeFileSync(proof, '');
    },
  };
}

/** Those of a specification, which its Go module has. */
function schemas({ module, folder }: Specification): Tool {
  return {
    name: `the JSON Schemas of ${module}`,
    proof: folder,
    install() {
      const told = run('go', ['mod', 'download', '-json', module], { GOFLAGS: '-modcacherw' });
      const { Dir }: { Dir: string } = JSON.parse(told);
      cpSync(join(Dir, 'schema'), folder, { recursive: true, filter: (path) => !path.endsWith('.go') });
    },
  };
}

/** Not a dependency: everybody who runs `npm ci` would unpack ten descriptions, each of them twice. */
function gitHubDescription(): Tool {
  return {
    name: `GitHub's description of its REST API`,
    proof: GITHUB_API.file,
    install() {
      const folder = mkdtempSync(join(tmpdir(), 'edgeloop-tooling-'));
      const packed = run('npm', ['pack', '--silent', '--pack-destination', folder, GITHUB_API.package]);
      run('tar', ['-xzf', join(folder, packed.trim()), '-C', folder, GITHUB_API.member]);
      cpSync(join(folder, GITHUB_API.member), GITHUB_API.file);
      rmSync(folder, { recursive: true });
    },
  };
}

function azurite(): Tool {
  const { package: name, folder } = AZURITE;
  const proof = stamp(name);
  return {
    name,
    proof,
    install() {
      mkdirSync(folder, { recursive: true });
      const quiet = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save'];
      run('npm', ['install', ...quiet, '--prefix', folder, name]);
      writeFileSync(proof, '');
    },
  };
}

/** A Go program whose source lies in a folder of this repository. */
function goProgram(name: string, source: string): Tool {
  const content = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) content.update(readFileSync(join(source, file)));
  const proof = stamp(`${name}-${content.digest('hex').slice(0, 16)}`);
  return {
    name,
    proof,
    install() {
      run('go', ['-C', source, 'build', '-o', join(BIN, name), '.'], {
        GOFLAGS: '-modcacherw -buildvcs=false',
      });
      writeFileSync(proof, '');
    },
  };
}

function pythonTool(name: string, packages: string[]): Tool {
  const proof = stamp(packages.join('_'));
  return { name, proof, install: () => installPython(PYTHON, packages, proof) };
}

function installPython(folder: string, packages: string[], proof: string): void {
  if (!existsSync(join(folder, 'bin/pip'))) run('python3', ['-m', 'venv', folder]);
  // Not bin/pip, which names its environment by an absolute path: in a copied checkout, that of the original.
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  run(join(folder, 'bin/python3'), [...pip, ...packages]);
  writeFileSync(proof, '');
}

function debianTool(name: string, proof: string): Tool {
  return {
    name,
    proof,
    install() {
      const isRoot = process.getuid?.() === 0;
      // A runner of CI may become root; on somebody's own machine that is not ours to do.
      if (!isRoot && process.env['CI'] !== 'true') throw new Error(`needs root: apt-get install ${name}`);
      const apt = [...(isRoot ? [] : ['sudo']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
      const [command = '', ...words] = apt;
      run(command, [...words, 'update', '-qq']);
      run(command, [...words, 'install', '-y', '-qq', '--no-install-recommends', name]);
    },
  };
}

function stamp(version: string): string {
  return join(TOOLS, `${version.replaceAll(/[^A-Za-z0-9.@=-]/g, '_')}.installed`);
}

function run(command: string, args: string[], environment: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: Infinity,
  });
}

mkdirSync(BIN, { recursive: true });
for (const tool of tools) {
  if (existsSync(tool.proof)) continue;
  console.error(`installing ${tool.name} for the tests ...`);
  try {
    tool.install();
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.trim().split('\n').slice(-3).join(' ') : String(error);
    console.error(`\n!!! ${tool.name} could not be installed, tests that need it are skipped: ${reason}\n`);
    if (process.env['CI'] === 'true') process.exitCode = 1;
  }
}
