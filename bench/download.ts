import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { build } from 'rolldown';
import { parseBlobAddress } from '../src/azure/blob-address.ts';
import { openBlobData } from '../src/azure/blob-data.ts';
import { type DatasetFile, describeFiles, describeRemote, parseManifest } from '../src/dataset/index.ts';
import { type Azurite, startAzurite } from '../test/fixtures/azurite.ts';
import { findTool } from '../test/tooling/find.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { ROOT } from './parts/program.ts';
import { startTimed } from './parts/registry-tools.ts';
import { median } from './parts/statistics.ts';

const SMALL_BYTES = 100_000;
const BLOCK = 8_000_000;
const TOOLS = ['edgeloop', 'azcopy', 'SDK', 'curl'] as const;
type Tool = (typeof TOOLS)[number];

interface Figure {
  data: string;
  tool: Tool;
  seconds: number[];
  megabytes: number;
}

/** Data to be downloaded. */
interface Scene {
  azurite: Azurite;
  title: string;
  /** Below the container. */
  prefix: string;
  files: DatasetFile[];
  /** The container's URL with a SAS, for the tools that take no token of a test. */
  url(path: string): string;
  /** Where each tool puts the files. */
  target: string;
  env: NodeJS.ProcessEnv;
}

/** How long data take from Blob Storage to the disk, and how much memory, beside the tools that others use for it. */
export default {
  about: 'data from Blob Storage (Azurite) beside azcopy, its SDK and curl: seconds, peak memory',
  defaults: { megabytes: 1000, files: 2000, rounds: 5 },
  async measure(run: Run, { megabytes, files, rounds }: Record<'megabytes' | 'files' | 'rounds', number>) {
    await using azurite = await startAzurite();
    const programs = join(run.scratch, 'programs');
    for (const input of ['test/fixtures/blob-downloader.ts', 'bench/parts/sdk-download.ts'])
      await build({
        input: join(ROOT, input),
        platform: 'node',
        external: ['apache-arrow'],
        output: { dir: programs, entryFileNames: '[name].mjs' },
        logLevel: 'silent',
      });
    const container = await azurite.container('bench');
    const tools = TOOLS.filter(
      (tool) => tool === 'edgeloop' || tool === 'SDK' || findTool(tool) !== undefined,
    );
    const figures: Figure[] = [];
    const wrong: string[] = [];
    const sets: [string, string, number[]][] = [
      [`1 x ${megabytes} MB`, 'large', [megabytes * 1e6]],
      [`${files} x 100 kB`, 'small', Array.from({ length: files }, () => SMALL_BYTES)],
    ];
    for (const [title, prefix, sizes] of sets) {
      run.progress(`filling Azurite with ${title}`);
      for (const [index, size] of sizes.entries()) await put(container, `${prefix}/${index}.bin`, size);
      const scene = await sceneOf(run, azurite, title, prefix);
      figures.push(...(await contest(run, scene, tools, rounds, wrong)));
      await rm(scene.target, { recursive: true, force: true });
    }
    return {
      tables: sets.map(([title]) => ({
        title: `${title}: medians of ${rounds} interleaved rounds`,
        head: ['tool', 'seconds', 'rounds', 'of edgeloop', 'peak MB'],
        rows: figures.filter(({ data }) => data === title).map((figure) => row(figure, figures)),
      })),
      notes: [
        'Azurite is one process of JavaScript beside them on the same processors: the ratios say more than the seconds.',
        'edgeloop syncs to the disk, compares the MD5 where a blob has one, and hashes all for the next time.',
        'curl and the SDK read a blob in one stream, eight blobs at once; curl knows the names beforehand.',
      ],
      json: { figures },
      wrong,
    };
  },
} satisfies Benchmark;

/** A small one at once, which gives it an MD5; a large one in blocks. */
async function put(container: ContainerClient, name: string, size: number): Promise<void> {
  const blob = container.getBlockBlobClient(name);
  if (size <= BLOCK) return void (await blob.upload(randomBytes(size), size));
  const blocks: string[] = [];
  for (let at = 0; at < size; at += BLOCK) {
    const block = Buffer.from(String(blocks.length).padStart(8, '0')).toString('base64');
    const length = Math.min(BLOCK, size - at);
    await blob.stageBlock(block, randomBytes(length), length);
    blocks.push(block);
  }
  await blob.commitBlockList(blocks);
}

async function sceneOf(run: Run, azurite: Azurite, title: string, prefix: string): Promise<Scene> {
  const { url, account, key, authority } = azurite;
  const address = `azureblob://${account}/bench/${prefix}`;
  const endpoint = { EDGELOOP_BLOB_ENDPOINT: `${url}/{account}` };
  const store = openBlobData(parseBlobAddress(address, endpoint), {
    source: 'bench',
    getToken: async () => ({ token: azurite.token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
  });
  const manifest = await (await describeRemote(store, run.signal)).manifest();
  await writeFile(join(run.scratch, 'manifest'), manifest);
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'bench',
      permissions: ContainerSASPermissions.parse('rl'),
      expiresOn: new Date(Date.now() + 3_600_000),
    },
    new StorageSharedKeyCredential(account, key),
  );
  const certificate = authority.certificate;
  return {
    azurite,
    title,
    prefix,
    files: parseManifest(manifest),
    url: (path) => `${url}/${account}/bench${path}?${sas.toString()}`,
    target: join(run.scratch, 'target'),
    env: {
      ...process.env,
      ...endpoint,
      NODE_EXTRA_CA_CERTS: certificate,
      SSL_CERT_FILE: certificate,
      TOKEN: azurite.token(),
      AZCOPY_LOG_LOCATION: join(run.scratch, 'azcopy'),
      AZCOPY_JOB_PLAN_LOCATION: join(run.scratch, 'azcopy'),
    },
  };
}

async function contest(
  run: Run,
  scene: Scene,
  tools: Tool[],
  rounds: number,
  wrong: string[],
): Promise<Figure[]> {
  const figures = tools.map((tool): Figure => ({ data: scene.title, tool, seconds: [], megabytes: 0 }));
  let digest: string | undefined;
  for (let round = 0; round < rounds; round++) {
    run.progress(`${scene.title}: round ${round + 1} of ${rounds}`);
    // Who comes first changes, so that nobody always finds the disk as another one left it.
    for (const figure of [
      ...figures.slice(round % tools.length),
      ...figures.slice(0, round % tools.length),
    ]) {
      await rm(scene.target, { recursive: true, force: true });
      const [program, ...args] = await commandOf(run, scene, figure.tool);
      const { code, seconds, peakMegabytes, stderr } = await startTimed(program, args, scene.env).ended;
      run.signal.throwIfAborted();
      figure.seconds.push(seconds);
      figure.megabytes = Math.max(figure.megabytes, peakMegabytes);
      if (code !== 0) wrong.push(`${figure.tool} exited with ${code}: ${stderr}`);
      if (code !== 0) continue;
      const come = await describeFiles(join(scene.target, 'data'));
      digest ??= come.digest;
      if (come.digest !== digest || come.files !== scene.files.length)
        wrong.push(`${figure.tool}: ${scene.title}: other bytes came`);
    }
  }
  return figures;
}

async function commandOf(run: Run, scene: Scene, tool: Tool): Promise<[string, ...string[]]> {
  const { azurite, prefix, files, url, target } = scene;
  const folder = join(target, 'data');
  const programs = join(run.scratch, 'programs');
  if (tool === 'edgeloop') {
    const address = `azureblob://${azurite.account}/bench/${prefix}`;
    const manifest = join(run.scratch, 'manifest');
    return [process.execPath, join(programs, 'blob-downloader.mjs'), address, manifest, folder];
  }
  if (tool === 'SDK')
    return [process.execPath, join(programs, 'sdk-download.mjs'), url(''), `${prefix}/`, folder];
  if (tool === 'azcopy') {
    const how = ['--recursive', '--from-to=BlobLocal', '--output-level=quiet', '--log-level=NONE'];
    return [findTool('azcopy') ?? '', 'copy', url(`/${prefix}/*`), folder, ...how];
  }
  const list = join(run.scratch, 'curl');
  const pairs = files.map(
    ({ path }) => `url = "${url(`/${prefix}/${path}`)}"\noutput = "${join(folder, path)}"\n`,
  );
  await writeFile(list, pairs.join(''));
  const how = ['--silent', '--fail', '--create-dirs', '--parallel', '--parallel-max', '8'];
  return [findTool('curl') ?? '', ...how, '--cacert', azurite.authority.certificate, '--config', list];
}

function row({ data, tool, seconds, megabytes }: Figure, figures: readonly Figure[]): string[] {
  const own = figures.find((figure) => figure.data === data && figure.tool === 'edgeloop');
  const ratio = median(seconds) / median(own?.seconds ?? []);
  return [
    tool,
    median(seconds).toFixed(2),
    `${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)}`,
    ratio.toFixed(2),
    megabytes.toFixed(0),
  ];
}
