import type { Release } from '../versioning/index.ts';

/** What a mirror says of one version. */
export interface MirroredVersion {
  version: string;
  /** The ModelPack manifest's, as the mirror has it; undefined when it names none. */
  digest: string | undefined;
}

/**
 * One more place that lists a model's versions beside git and the OCI registry, such as a page of GitHub releases or
 * Azure ML's model registry. It follows them and decides nothing.
 */
export interface Mirror {
  /** For messages: `GitHub releases of OWNER/REPO`. */
  readonly name: string;
  /** All versions of a model that it lists. */
  read(model: string): Promise<MirroredVersion[]>;
  /** Lists a release; does nothing when it is listed with the same digest, and changes no other one. */
  write(release: Release): Promise<void>;
  /** Makes an entry that disagrees say what the release says. Never moves a released version. */
  repair(release: Release): Promise<void>;
}
