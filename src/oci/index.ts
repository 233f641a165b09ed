export { type Artifact, type ArtifactToWrite, readArtifact, writeArtifact } from './artifact.ts';
export { type BaseImage, parseBaseName, readBaseImage } from './image/base-image.ts';
export {
  type Descriptor,
  descriptorSchema,
  digestSchema,
  type Index,
  indexSchema,
  type Manifest,
  manifestSchema,
} from './descriptor.ts';
export { type ContentIdentity, digestOf, digestOfStream, startDigest } from './digest.ts';
export {
  type BuiltImage,
  buildImage,
  type Content,
  type ImageFacts,
  pushImage,
  readImage,
} from './image/image.ts';
export type { Locks, LockState } from './locks.ts';
export { openLayoutRegistry, openLayoutRepository } from './layout/layout.ts';
export * from './media-types.ts';
export { askRegistry } from './registry/ask-registry.ts';
export { grantedActions } from './registry/granted-actions.ts';
export { isAzureRegistry } from './registry/azure-host.ts';
export { logIn } from './registry/log-in.ts';
export { openReference, openRegistry, type OpenRegistryOptions } from './open-registry.ts';
export { type ModelManifest, readPackedFile, readModelManifest } from './model/model-manifest.ts';
export { type PackedModel, packModel, pushModel, type TransferSummary } from './model/modelpack.ts';
export { type PullOptions, pullModel } from './pull/pull-model.ts';
export { pullPlaces } from './pull/partial-pull.ts';
export { PULL_MARKER } from './pull/pull-marker.ts';
export type { PushBlobsOptions } from './push-blobs.ts';
export { formatReference, isTag, parseReference, type Reference, type ReferenceTarget } from './reference.ts';
export type { Authorization } from './registry/authorization-types.ts';
export { openHttpRegistry, openHttpRepository } from './registry/http-registry.ts';
export type { HttpRegistrySettings } from './registry/endpoint.ts';
export type { BlobSource, Registry, Repository, TransferProgress } from './repository.ts';
