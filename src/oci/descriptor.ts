import { z } from 'zod';
import { misuse } from '../errors.ts';

/** `sha256:` and 64 lower-case hexadecimal digits, the one digest algorithm that Edgeloop writes and believes. */
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'a digest is "sha256:" and 64 hexadecimal digits');

/** Throws the misuse `digest-invalid` for what is not a digest, since digests become paths. */
export function checkDigest(digest: string): void {
  if (digestSchema.safeParse(digest).success) return;
  throw misuse(
    'digest-invalid',
    `"${digest}" is not a digest`,
    'A digest is "sha256:" and 64 hexadecimal digits.',
  );
}

/** An OCI content descriptor (image-spec, descriptor.md). Unknown keys of other writers are kept. */
export const descriptorSchema = z.looseObject({
  mediaType: z.string().min(1),
  digest: digestSchema,
  size: z.int().nonnegative(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  platform: z.looseObject({ architecture: z.string(), os: z.string() }).optional(),
});

export type Descriptor = z.infer<typeof descriptorSchema>;

/** An OCI image manifest; artifacts are image manifests with an `artifactType` (image-spec 1.1, manifest.md). */
export const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal('application/vnd.oci.image.manifest.v1+json'),
  artifactType: z.string().optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  subject: descriptorSchema.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** An OCI image index (image-spec 1.1, image-index.md). */
export const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal('application/vnd.oci.image.index.v1+json').optional(),
  manifests: z.array(descriptorSchema),
  annotations: z.record(z.string(), z.string()).optional(),
});

export type Index = z.infer<typeof indexSchema>;
