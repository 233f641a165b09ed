import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ownerName, ownerRuns } from '../../process-owner.ts';
import { digestOf } from '../digest.ts';
import { incomingName, removeAbandoned } from '../durable-file.ts';
import { type Place, resolveLink } from './endpoint.ts';

/**
 * The session in which one blob is uploaded: its URL is kept for the next try, and in the folder of uploads for the next
 * process. Whoever has the URL may be able to write there: it belongs in no message.
 */
export interface UploadSession {
  /** What to ask next; `undefined` when there is no session. */
  url: URL | undefined;
  /** True for a session of another process, which may have ended it or go on with it. */
  isTakenOver: boolean;
  /** The session goes on at this URL. */
  keep(url: URL): Promise<void>;
  /** The session is of no use any more. */
  forget(): Promise<void>;
  /** Leaves the session to whoever uploads the blob next. */
  leave(): Promise<void>;
}

const INCOMING = '.incoming-';
const recordSchema = z.object({
  url: z.url(),
  /** The process that uses it, by `ownerName`. */
  owner: z.string().optional(),
});
type SessionRecord = z.output<typeof recordSchema>;

/**
 * The session that was left for a blob, if any. A session that a running process uses is left alone: some registries end
 * it when somebody else asks for it.
 */
export async function uploadSession(place: Place, digest: string): Promise<UploadSession> {
  const { uploads: folder } = place.endpoint;
  if (folder === undefined) return sessionKeptBy({ write: async () => {}, remove: async () => {} });
  const name = `${digestOf(Buffer.from(`${place.url('').href} ${digest}`)).slice('sha256:'.length)}.json`;
  const found = await readRecord(join(folder, name));
  if (found?.owner !== undefined && ownerRuns(found.owner))
    return sessionKeptBy({ write: async () => {}, remove: async () => {} });
  const session = sessionKeptBy({
    // What cannot be remembered costs the next process a new session, and must not fail this one.
    write: (record) => writeRecord(folder, name, record).catch(() => {}),
    remove: () => rm(join(folder, name), { force: true }).catch(() => {}),
  });
  session.url = found && resolveLink(place.endpoint, place.endpoint.base, found.url);
  session.isTakenOver = session.url !== undefined;
  return session;
}

function sessionKeptBy(memory: {
  write(record: SessionRecord): Promise<void>;
  remove(): Promise<void>;
}): UploadSession {
  const session: UploadSession = {
    url: undefined,
    isTakenOver: false,
    async keep(url) {
      session.url = url;
      await memory.write({ url: url.href, owner: ownerName() });
    },
    async forget() {
      session.url = undefined;
      session.isTakenOver = false;
      await memory.remove();
    },
    async leave() {
      if (session.url !== undefined) await memory.write({ url: session.url.href });
    },
  };
  return session;
}

async function readRecord(file: string): Promise<SessionRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** In one step, so that another process finds all of it or nothing; a power cut may lose it. */
async function writeRecord(folder: string, name: string, record: SessionRecord): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeAbandoned(folder, INCOMING);
  const temporary = join(folder, incomingName(INCOMING));
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(JSON.stringify(record));
  } finally {
    await handle.close();
  }
  await rename(temporary, join(folder, name));
}
