import { z } from 'zod';
import { failure, refusal } from '../errors.ts';
import { type Descriptor, descriptorSchema } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from './media-types.ts';

/** Longest manifest or index that is read or written, bytes (distribution-spec 1.1 has registries take 4 MiB). */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;

const anyManifestSchema = z.looseObject({
  mediaType: z.string().min(1).optional(),
  artifactType: z.string().optional(),
  config: descriptorSchema.optional(),
  layers: z.array(descriptorSchema).optional(),
  manifests: z.array(descriptorSchema).optional(),
  subject: descriptorSchema.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** What a repository needs to know of any manifest or index. */
export interface ManifestFacts {
  /** With the artifact type, if there is one; without annotations. */
  descriptor: Descriptor;
  /** Blobs that must be there before it. */
  blobs: Descriptor[];
  /** Manifests that must be there before it. */
  manifests: Descriptor[];
  subject?: string;
  annotations?: Record<string, string>;
}

/** Refuses (`manifest-too-large`) what is longer than 4 MiB before it is read. */
export function checkManifestSize(bytes: number, where: string): void {
  if (bytes > MANIFEST_LIMIT) {
    throw refusal(
      'manifest-too-large',
      `${where} has ${bytes} bytes; a manifest has at most ${MANIFEST_LIMIT}`,
      'Use a manifest with fewer entries or shorter annotations.',
    );
  }
}

/** Reads any OCI manifest or index; throws `manifest-invalid` for anything else, `manifest-too-large` over 4 MiB. */
export function readManifestFacts(bytes: Uint8Array, where: string): ManifestFacts {
  checkManifestSize(bytes.byteLength, where);
  const parsed = anyManifestSchema.safeParse(parseJson(bytes, where));
  const manifest = parsed.success ? parsed.data : undefined;
  const mediaType = manifest?.mediaType ?? (manifest?.manifests ? OCI_INDEX : OCI_MANIFEST);
  if (manifest === undefined || (manifest.manifests === undefined && manifest.config === undefined)) {
    throw invalid(
      where,
      parsed.success ? 'it is neither a manifest nor an index' : firstProblem(parsed.error),
    );
  }
  // One digest must not be read in two ways (CVE-2021-41190).
  if (manifest.manifests !== undefined && (manifest.config ?? manifest.layers) !== undefined)
    throw invalid(where, 'it is a manifest and an index at once');
  // image-spec 1.1: without an artifact type the config's media type stands for it.
  const artifactType = manifest.artifactType ?? (manifest.subject && manifest.config?.mediaType);
  return {
    descriptor: {
      mediaType,
      digest: digestOf(bytes),
      size: bytes.byteLength,
      ...(artifactType === undefined ? {} : { artifactType }),
    },
    blobs: [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])],
    manifests: manifest.manifests ?? [],
    ...(manifest.subject && { subject: manifest.subject.digest }),
    ...(manifest.annotations && { annotations: manifest.annotations }),
  };
}

/** Parses a manifest's bytes with the schema of what was expected; throws `manifest-invalid` with the first problem. */
export function parseManifest<T>(schema: z.ZodType<T>, bytes: Uint8Array, where: string): T {
  const parsed = schema.safeParse(parseJson(bytes, where));
  if (!parsed.success) throw invalid(where, firstProblem(parsed.error));
  return parsed.data;
}

/** Where a schema's first problem lies and what it is, for a message. */
export function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  const path = issue?.path.join('.') ?? '';
  return `${path === '' ? '' : `${path}: `}${issue?.message ?? error.message}`;
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(where, 'it is not JSON', error);
  }
}

function invalid(where: string, problem: string, cause?: unknown): Error {
  return failure(
    'manifest-invalid',
    `${where} is not an OCI manifest that can be read: ${problem}`,
    'Check that the reference names what was meant, and write it again if it is damaged.',
    cause === undefined ? undefined : { cause },
  );
}
