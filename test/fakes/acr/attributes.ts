import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Attributes {
  deleteEnabled: boolean;
  writeEnabled: boolean;
  listEnabled: boolean;
  readEnabled: boolean;
}

/** What docker-registry has stored, as Azure lists it, and what Azure keeps beside it. */
export interface Stored {
  repositories(): string[];
  tags(repository: string): string[];
  manifests(repository: string): string[];
  tag(repository: string, tag: string): ({ digest: string } & Kept) | undefined;
  manifest(
    repository: string,
    digest: string,
  ): ({ digest: string; imageSize: number; tags: string[] } & Kept) | undefined;
  change(repository: string, reference: string, changes: Partial<Attributes>): void;
  deleteTag(repository: string, tag: string): void;
  /** Forgets the attributes of a manifest that was deleted. */
  forget(repository: string, digest: string): void;
}

interface Kept {
  createdTime: string;
  lastUpdateTime: string;
  changeableAttributes: Attributes;
}

const OPEN: Attributes = { deleteEnabled: true, writeEnabled: true, listEnabled: true, readEnabled: true };

const key = (repository: string, reference: string): string => `${repository} ${reference}`;

function list(path: string): string[] {
  return existsSync(path) ? readdirSync(path).toSorted() : [];
}

/** Reads the storage of a docker-registry: its API lists no manifests, and deletes no tag. */
export function openStored(storage: string): Stored {
  const root = join(storage, 'docker/registry/v2');
  const changed = new Map<string, { attributes: Attributes; at: string }>();
  const folder = (repository: string, ...parts: string[]) =>
    join(root, 'repositories', repository, '_manifests', ...parts);
  const kept = (repository: string, reference: string, link: string): Kept => {
    const createdTime = statSync(link).mtime.toISOString();
    const { attributes = OPEN, at = createdTime } = changed.get(key(repository, reference)) ?? {};
    return { createdTime, lastUpdateTime: at, changeableAttributes: attributes };
  };
  const stored: Stored = {
    repositories: () =>
      readdirSync(join(root, 'repositories'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('/_manifests'))
        .map((path) => path.slice(0, -'/_manifests'.length))
        .toSorted(),
    tags: (repository) => list(folder(repository, 'tags')),
    manifests: (repository) =>
      list(folder(repository, 'revisions/sha256'))
        .map((hex) => `sha256:${hex}`)
        .filter((digest) => stored.manifest(repository, digest) !== undefined),
    tag(repository, tag) {
      const link = folder(repository, 'tags', tag, 'current/link');
      if (!existsSync(link)) return undefined;
      return { digest: readFileSync(link, 'utf8'), ...kept(repository, tag, link) };
    },
    manifest(repository, digest) {
      const hex = digest.slice('sha256:'.length);
      const link = folder(repository, 'revisions/sha256', hex, 'link');
      if (!existsSync(link)) return undefined;
      const { config, layers = [] } = JSON.parse(
        readFileSync(join(root, 'blobs/sha256', hex.slice(0, 2), hex, 'data'), 'utf8'),
      );
      const imageSize = [config ?? { size: 0 }, ...layers].reduce((sum, { size }) => sum + size, 0);
      const tags = stored.tags(repository).filter((tag) => stored.tag(repository, tag)?.digest === digest);
      return { digest, imageSize, tags, ...kept(repository, digest, link) };
    },
    change(repository, reference, changes) {
      const before = changed.get(key(repository, reference))?.attributes ?? OPEN;
      changed.set(key(repository, reference), {
        attributes: { ...before, ...changes },
        at: new Date().toISOString(),
      });
    },
    deleteTag(repository, tag) {
      rmSync(folder(repository, 'tags', tag), { recursive: true });
      changed.delete(key(repository, tag));
    },
    forget: (repository, digest) => void changed.delete(key(repository, digest)),
  };
  return stored;
}

/** Microsoft, "Lock a container image": either attribute blocks the deletion. */
export function mayDelete({ changeableAttributes }: Kept): boolean {
  return changeableAttributes.deleteEnabled && changeableAttributes.writeEnabled;
}
