// Run as a process of its own: `CONTAINER-URL PREFIX FOLDER` downloads all blobs below the prefix with the SDK's own
// `downloadToFile`, eight at once.
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import { eachAtOnce } from '../../src/at-once.ts';

const [url = '', prefix = '', folder = ''] = process.argv.slice(2);
const container = new ContainerClient(url);
mkdirSync(folder, { recursive: true });
const names: string[] = [];
for await (const { name } of container.listBlobsFlat({ prefix })) names.push(name);
await eachAtOnce(names, 8, undefined, async (name) => {
  await container.getBlobClient(name).downloadToFile(join(folder, basename(name)));
});
