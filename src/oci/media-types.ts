/** OCI image manifest (image-spec, media-types.md). */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
/** OCI image index. */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
/** OCI image configuration. */
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
/** An uncompressed layer of a runnable image. */
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
/** The two-byte configuration `{}` of artifacts (image-spec 1.1, manifest.md). */
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';

/** Docker's image manifest, schema 2 (distribution, docs/content/spec/manifest-v2-2.md). */
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
/** Docker's index. */
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
/** Docker's image configuration. */
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';

/** Artifact type of a ModelPack manifest (CNCF model-spec, docs/spec.md). */
export const MODEL_MANIFEST = 'application/vnd.cncf.model.manifest.v1+json';
/** ModelPack configuration. */
export const MODEL_CONFIG = 'application/vnd.cncf.model.config.v1+json';
/** ModelPack layer with weights: `model.onnx`, an external data file. */
export const MODEL_WEIGHT = 'application/vnd.cncf.model.weight.v1.tar';
/** ModelPack layer with small files that belong to the weights: the card, golden samples. */
export const MODEL_WEIGHT_CONFIG = 'application/vnd.cncf.model.weight.config.v1.tar';

/** The image that an image was built on: its name, and the digest that it had (image-spec, annotations.md). */
export const BASE_NAME = 'org.opencontainers.image.base.name';
export const BASE_DIGEST = 'org.opencontainers.image.base.digest';

/** Where a tag lives in an image layout's `index.json` (image-spec, annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** What a manifest or a blob is called (image-spec, annotations.md); `oras pull` makes a layer's file by it. */
export const TITLE = 'org.opencontainers.image.title';
/** The path inside a ModelPack layer: of its one file, or of the folder when it holds several. */
export const MODEL_FILEPATH = 'org.cncf.model.filepath';

/** Annotations of DESIGN 8.4. */
export const ANNOTATION = {
  model: 'dev.edgeloop.model',
  version: 'dev.edgeloop.version',
  modelManifest: 'dev.edgeloop.model-manifest',
  inputKey: 'dev.edgeloop.input-key',
  dataset: 'dev.edgeloop.dataset',
  modelSignature: 'dev.edgeloop.model-signature',
  job: 'dev.edgeloop.job',
} as const;
