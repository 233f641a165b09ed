import { misuse } from '../errors.ts';
import { digestSchema } from './descriptor.ts';

/** Which manifest of a repository is meant; neither when the repository as such is. */
export interface ReferenceTarget {
  tag?: string;
  digest?: string;
}

/** A parsed REF (DESIGN 8.1): an OCI image layout folder, or a repository in a registry (`host` with its port). */
export type Reference =
  | ({ kind: 'layout'; folder: string } & ReferenceTarget)
  | ({ kind: 'registry'; host: string; repository: string } & ReferenceTarget);

const FORMS = 'oci:FOLDER[:TAG|@DIGEST] or HOST[:PORT]/REPOSITORY[:TAG|@DIGEST]';
// distribution-spec 1.1, "Pulling manifests": <reference> as a tag, and <name>.
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/** True for what the distribution specification allows as a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Parses a REF. Throws the misuse `reference-invalid`, which says what is wrong with it. */
export function parseReference(text: string): Reference {
  const isLayout = text.startsWith('oci:');
  const { path, target } = splitTarget(text, isLayout ? text.slice('oci:'.length) : text);
  if (isLayout) {
    if (path === '') throw invalid(text, 'the folder is missing after "oci:"');
    return { kind: 'layout', folder: path, ...target };
  }
  return { kind: 'registry', ...splitHost(text, path), ...target };
}

/** Writes a reference as the REF that `parseReference` reads. */
export function formatReference(reference: Reference): string {
  const place =
    reference.kind === 'layout' ? `oci:${reference.folder}` : `${reference.host}/${reference.repository}`;
  if (reference.digest !== undefined) return `${place}@${reference.digest}`;
  return reference.tag === undefined ? place : `${place}:${reference.tag}`;
}

function splitTarget(text: string, place: string): { path: string; target: ReferenceTarget } {
  // Only the last part can carry a tag or digest: folders above it may hold ":" and "@".
  const start = place.lastIndexOf('/') + 1;
  const last = place.slice(start);
  const mark = last.search(/[:@]/);
  if (mark < 0) return { path: place, target: {} };
  const path = place.slice(0, start + mark);
  const value = last.slice(mark + 1);
  if (last[mark] === '@') {
    if (digestSchema.safeParse(value).success) return { path, target: { digest: value } };
    throw invalid(text, `"${value}" is not a digest ("sha256:" and 64 hexadecimal digits)`);
  }
  if (value.includes('@')) throw invalid(text, 'it has both a tag and a digest; a digest alone is enough');
  if (isTag(value)) return { path, target: { tag: value } };
  throw invalid(
    text,
    `"${value}" is not a tag (at most 128 letters, digits, "_", "." and "-", not starting with "." or "-")`,
  );
}

function splitHost(text: string, path: string): { host: string; repository: string } {
  if (/^[a-z]+:\/\//i.test(text)) throw invalid(text, 'it starts with a URL scheme; write the host alone');
  const slash = path.indexOf('/');
  const host = path.slice(0, slash);
  const repository = path.slice(slash + 1);
  // Docker's rule for telling a host from the first part of a repository; docker.io is never implied here.
  if (slash < 0 || !(host === 'localhost' || host.includes('.') || host.includes(':'))) {
    throw invalid(text, 'it does not start with a registry host (such as ghcr.io or localhost:5000)');
  }
  const port = HOST.exec(host);
  if (port === null || Number(port[1] ?? 1) > 65535 || Number(port[1] ?? 1) === 0) {
    throw invalid(text, `"${host}" is not HOST or HOST:PORT`);
  }
  if (!REPOSITORY.test(repository)) {
    throw invalid(
      text,
      `"${repository}" is not a repository name (lower-case letters and digits, separated by ".", "_", "-" or "/")`,
    );
  }
  return { host, repository };
}

function invalid(text: string, reason: string): Error {
  return misuse('reference-invalid', `"${text}" is not a reference: ${reason}`, `Write ${FORMS}.`);
}
