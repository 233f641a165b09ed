import { z } from 'zod';
import { failure, misuse } from '../errors.ts';
import { http } from '../http.ts';
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
    async list(signal) {
      const url = new URL('index.json', base);
      const { status, body } = await http(url.href, { ...(signal && { signal }) });
      if (status !== 200) throw noIndex(url, `it answered ${status}`);
      const parsed = indexSchema.safeParse(parseJson(body));
      if (parsed.success) return uniquePaths(parsed.data.files, url);
      throw noIndex(url, z.prettifyError(parsed.error).split('\n').join(' '));
    },
    async read(file, take, signal) {
      const url = new URL(file.path.split('/').map(encodeURIComponent).join('/'), base);
      const headers: Record<string, string> = file.etag === undefined ? {} : { 'if-match': `"${file.etag}"` };
      const { status } = await http(url.href, {
        headers,
        receive: take,
        timeoutMs: IDLE_MS,
        ...(signal && { signal }),
      });
      if (status === 200) return;
      if (status === 412 || status === 404) throw changed(name, file, status);
      throw failure('http-failed', `${url.href} answered ${status}`, 'Check who may read it.');
    },
  };
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
