import { z } from 'zod';
import { indexSchema } from '../../oci/index.ts';
import type { Checking } from './finding.ts';

const referrerSchema = z.looseObject({ subject: z.looseObject({ digest: z.string() }).optional() });

/**
 * The list of referrers under the fallback tag (distribution-spec 1.1, "Referrers Tag Schema"), which registries without
 * the referrers API need, and which clients keep by hand: everything on it is there and refers to this manifest.
 */
export async function checkFallback({ repository, report }: Checking, subject: string): Promise<void> {
  const tag = subject.replace(':', '-');
  const list = await repository.readManifest(tag);
  if (list === undefined) return;
  for (const { digest, artifactType } of indexSchema.parse(json(list.bytes)).manifests) {
    const found = await repository.readManifest(digest);
    if (found === undefined) {
      report({
        code: 'referrer-missing',
        subject: digest,
        message: `the fallback tag ${tag} lists it, and ${repository.name} does not have it`,
        values: { list: digest, registry: null },
        mend: 'Copy it back by its digest from another registry or a backup, or take it off the list.',
      });
      continue;
    }
    const values = {
      list: `${artifactType ?? 'nothing'} of ${subject}`,
      manifest: `${found.descriptor.artifactType ?? 'nothing'} of ${referrerSchema.parse(json(found.bytes)).subject?.digest ?? 'nothing'}`,
    };
    if (values.list === values.manifest) continue;
    const message = `the fallback tag ${tag} lists it as ${values.list}, it says ${values.manifest}`;
    const mend = 'Find out who wrote the list, and take it off there.';
    report({ code: 'referrer-disagrees', subject: digest, message, values, mend });
  }
}

function json(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
