import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Reads a table in another process, whose heap may not be larger; says how many rows, and its peak memory in MB. */
async function readApart(file: string, heapMegabytes: number): Promise<{ rows: number; peak: number }> {
  const module = new URL('open-table.ts', import.meta.url).href;
  const script = `
    import { openTable } from ${JSON.stringify(module)};
    const table = await openTable(${JSON.stringify(file)});
    const arrays = (table.arrays ?? []).map(({ name }) => name);
    let rows = 0;
    for await (const batch of table.batches(1000, arrays)) {
      rows += batch.rows;
      for (const name of table.columns) batch.column(name);
      for (const name of arrays) batch.array(name);
    }
    console.log(JSON.stringify({ rows, peak: process.resourceUsage().maxRSS / 1024 }));`;
  const args = [`--max-old-space-size=${heapMegabytes}`, '--input-type=module', '--eval', script];
  const { stdout } = await run(process.execPath, args);
  const { rows, peak }: { rows: number; peak: number } = JSON.parse(stdout);
  return { rows, peak };
}

describe('a file that is larger than the memory', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-large-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is read line by line: 60 MB of JSON Lines in a heap of 40 MB', async () => {
    const file = join(folder, 'large.jsonl');
    const text = 'x'.repeat(900);
    await using handle = await open(file, 'w');
    for (let part = 0; part < 66; part++) {
      await handle.write(Array.from({ length: 1000 }, (_, row) => `{"n":${row},"t":"${text}"}\n`).join(''));
    }
    expect((await stat(file)).size).toBeGreaterThan(60_000_000);
    expect((await readApart(file, 40)).rows).toBe(66_000);
  });

  it('is inflated as a stream: an array of 400 MB', async () => {
    const file = join(folder, 'large.npz');
    await using handle = await open(file, 'w');
    await handle.write(zeros(400_000, 1000));
    const { rows, peak } = await readApart(file, 100);
    expect(rows).toBe(400_000);
    expect(peak).toBeLessThan(300);
  });
});

/** An NPZ file of one array `x`, uint8 [rows, width], all zeros, deflated (APPNOTE.TXT 4.3). */
function zeros(rows: number, width: number): Buffer {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${width}), }`.padEnd(117);
  const start = Buffer.from(`\u0093NUMPY\u0001\u0000\u0076\u0000${header}\n`, 'latin1');
  // One block of a deflate stream after another: each ends on a byte, and only the last is final.
  const megabyte = Buffer.alloc(1_000_000);
  const blocks = [start, ...Array.from({ length: (rows * width) / megabyte.length }, () => megabyte)];
  const compressed = new Map(
    [start, megabyte].map((block) => [block, deflateRawSync(block, { finishFlush: 2 /* Z_SYNC_FLUSH */ })]),
  );
  const data = Buffer.concat([
    ...blocks.map((block) => compressed.get(block) ?? Buffer.alloc(0)),
    // An empty final block.
    Buffer.from([3, 0]),
  ]);
  const size = start.length + rows * width;
  const name = Buffer.from('x.npy');
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(
    blocks.reduce((sum, block) => crc32(block, sum), 0),
    10,
  );
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, name]);
  const central = Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), fields, Buffer.alloc(14), name]);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length + data.length, 16);
  return Buffer.concat([local, data, central, end]);
}
