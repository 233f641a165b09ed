import { findImage } from '../loop/find-image.ts';
import { pullModel } from '../oci/index.ts';
import { byteCount } from '../byte-count.ts';
import { type ReferenceOptions, registryOptions } from './registry-options.ts';
import { runVerb } from './run-verb.ts';
import { followTransfer } from './follow-transfer.ts';

/** `edgeloop pull REF DIR` */
export default function pull(
  reference: string,
  folder: string,
  options: ReferenceOptions & { concurrency?: number },
): Promise<void> {
  return runVerb(options, async (context) => {
    const { repository, ref, digest, image } = await findImage(reference, registryOptions(options, context));
    const { concurrency } = options;
    const follower = followTransfer(`pulling ${ref}`, options, context.environment);
    try {
      const summary = await pullModel(repository, digest, folder, {
        signal: context.signal,
        onProgress: follower.progress,
        ...(concurrency !== undefined && { concurrency }),
      });
      const { transferred, reused } = summary;
      const moved = `${byteCount(transferred)} fetched, ${byteCount(reused)} there already`;
      return {
        json: { ref, ...summary, ...(image && { image }) },
        text: `pulled ${ref} into ${folder}: ${moved}\n  model  ${digest}`,
      };
    } finally {
      follower.end();
    }
  });
}
