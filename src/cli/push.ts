import { type PushedFolder, pushFolder, type PushOptions } from '../loop/push-folder.ts';
import { byteCount } from '../byte-count.ts';
import { followTransfer } from './follow-transfer.ts';
import { type ReferenceOptions, registryOptions } from './registry-options.ts';
import { runVerb } from './run-verb.ts';

/** `edgeloop push DIR REF` */
export default function push(
  folder: string,
  ref: string,
  options: ReferenceOptions & Pick<PushOptions, 'moveTag' | 'baseImage' | 'concurrency'>,
): Promise<void> {
  return runVerb(options, async (context) => {
    const { moveTag = false, baseImage, concurrency } = options;
    const follower = followTransfer(`pushing ${ref}`, options, context.environment);
    try {
      const json = await pushFolder(folder, ref, {
        ...registryOptions(options, context),
        moveTag,
        concurrency,
        onProgress: follower.progress,
        ...(baseImage !== undefined && { baseImage }),
      });
      return { json, text: sentence(json) };
    } finally {
      follower.end();
    }
  });
}

function sentence({ ref, model, digest, image, transferred, reused, tags }: PushedFolder): string {
  const moved = `${byteCount(transferred)} sent, ${byteCount(reused)} there already`;
  const lines = [`pushed ${model} to ${ref}: ${moved}`, `  model  ${digest}`];
  if (image !== undefined) lines.push(`  image  ${image.digest}`);
  if (tags.length > 0) lines.push(`  tags   ${tags.join(', ')}`);
  return lines.join('\n');
}
