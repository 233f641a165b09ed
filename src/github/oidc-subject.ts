import { z } from 'zod';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

/** How the tokens of a repository's workflows name it. */
export interface OidcSubject {
  /** What each subject begins with, `repo:OWNER/REPO` or the same with ids; undefined where GitHub does not say. */
  prefix: string | undefined;
  /** The claims that it is made of instead, where somebody has changed that. */
  ownKeys: string[] | undefined;
}

const subjectSchema = z.object({
  use_default: z.boolean(),
  include_claim_keys: z.array(z.string()).optional(),
  sub_claim_prefix: z.string().optional(),
});

/**
 * Reads that setting; `undefined` where the token may not (it takes `actions: read`) or the server does not know it. The
 * prefix is what is believed: `use_immutable_subject` beside it may still say what a repository has asked for itself.
 */
export async function readOidcSubject(client: GitHubClient): Promise<OidcSubject | undefined> {
  const request = endpoint('GET /repos/{owner}/{repo}/actions/oidc/customization/sub', client.at);
  const answer = await client.send(request, [400, 403, 404]);
  if (answer.status >= 400) return undefined;
  const { use_default, include_claim_keys, sub_claim_prefix: prefix } = parseAnswer(subjectSchema, answer);
  return { prefix, ownKeys: use_default ? undefined : (include_claim_keys ?? []) };
}

/** Throws a coded failure where the token may not even see the repository's tags. */
export async function readSomeTag(client: GitHubClient): Promise<void> {
  await client.send(
    endpoint('GET /repos/{owner}/{repo}/git/matching-refs/{ref}', {
      ...client.at,
      ref: 'tags/edgeloop-doctor',
    }),
  );
}
