import { z } from 'zod';
import { failure, misuse } from '../errors.ts';
import { http, type HttpHeaders } from '../http.ts';
import { isLoopback } from '../http-agent.ts';
import { datasetFileSchema, type DatasetFile } from './manifest.ts';
import type { RemoteStore } from './remote-store.ts';

const indexSchema = z.object({ files: z.array(datasetFileSchema) });
/** Between two pieces of a download. */
const IDLE_MS = 60_000;

/**
 * A folder of any web server with an `index.json` that lists its files:
 * `{"files":[{"path","size","sha256"|"md5"|"etag"|"version"}]}`, as the lines of a dataset manifest. A file with an ETag
 * is asked for with `If-Match`. Throws `data-url-invalid`; plain HTTP is taken from loopback addresses only.
 */
export function openHttpFolder(address: string): RemoteStore {
  const base = baseUrl(address);
  const name = `${base.origin}${base.pathname}`;
  return {
    name,
    // Which of its files a server gives ranges of is only known when it has been asked.
    ranges: false,
    async list(signal) {
      const url = new URL('index.json', base);
      const { status, body } = await http(url.href, { ...(signal && { signal }) });
      if (status !== 200) throw noIndex(url, `it answered ${status}`);
      const parsed = indexSchema.safeParse(parseJson(body));
      if (parsed.success) return uniquePaths(parsed.data.files, url);
      throw noIndex(url, z.prettifyError(parsed.error).split('\n').join(' '));
    },
    async read(file, { from, to }, take, signal) {
      const url = new URL(file.path.split('/').map(encodeURIComponent).join('/'), base);
      const isPart = isChecked(file) && (from > 0 || to < file.size);
      let cut: unknown;
      const { status } = await http(url.href, {
        headers: {
          ...(file.etag !== undefined && { 'if-match': `"${file.etag}"` }),
          ...(isPart && { range: `bytes=${from}-${to - 1}` }),
        },
        async receive(body, headers, answered) {
          if (answered === 206 && !isRange(headers, from, file)) throw changed(name, file, answered);
          // What broke off goes on elsewhere: asking for the same bytes again would bring them twice.
          await take(body, answered === 206 ? from : 0).catch((error: unknown) => (cut = error));
        },
        timeoutMs: IDLE_MS,
        ...(signal && { signal }),
      });
      if (cut !== undefined) throw cut;
      if (status === 200 || status === 206) return;
      if (status === 412 || status === 404 || status === 416) throw changed(name, file, status);
      throw failure('http-failed', `${url.href} answered ${status}`, 'Check who may read it.');
    },
  };
}

/** Whether the halves of two versions would be told apart: by the server, or when the file is checked. */
function isChecked({ etag, md5, sha256 }: DatasetFile): boolean {
  return [etag, md5, sha256].some((each) => each !== undefined);
}

/** Whether these are the bytes from there on, and of the version that was listed: not every server heeds If-Match. */
function isRange(headers: HttpHeaders, from: number, { etag }: DatasetFile): boolean {
  const [, first] = /^bytes (\d+)-/.exec(String(headers['content-range'] ?? '')) ?? [];
  const isSame = etag === undefined || headers['etag'] === undefined || headers['etag'] === `"${etag}"`;
  return Number(first) === from && isSame;
}

function baseUrl(address: string): URL {
  const url = URL.parse(address.endsWith('/') ? address : `${address}/`);
  const loopback = isLoopback(url?.hostname ?? '');
  const allowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback);
  if (url !== null && url.username === '' && allowed) return url;
  throw misuse(
    'data-url-invalid',
    `"${address.replace(/\/\/[^/]*@/, '//…@')}" cannot be read`,
    'Give an https:// address without user and password; http:// is for loopback addresses.',
  );
}

function uniquePaths(files: DatasetFile[], url: URL): DatasetFile[] {
  const seen = new Set<string>();
  for (const { path } of files) {
    if (seen.has(path)) throw noIndex(url, `it lists ${JSON.stringify(path)} twice`);
    seen.add(path);
  }
  return files;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function noIndex(url: URL, why: string): Error {
  return failure(
    'data-index-invalid',
    `${url.href} does not list the data: ${why}`,
    'It must hold {"files":[{"path","size","sha256"}]}; an etag, md5 or version may stand for sha256.',
  );
}

function changed(name: string, { path }: DatasetFile, status: number): Error {
  return failure(
    'remote-changed',
    `${name}: ${path} is not there any more as it was planned (${status})`,
    'Plan again: the data have changed meanwhile.',
  );
}
