import type { Routes } from './routes.ts';

/** How the tokens of the repository's workflows name it, as its settings say. A test may change it. */
export interface StoredOidcSubject {
  use_default: boolean;
  include_claim_keys?: string[];
  use_immutable_subject?: boolean;
  sub_claim_prefix?: string;
}

export function oidcRoutes(subject: StoredOidcSubject): Routes {
  return {
    'GET /repos/{owner}/{repo}/actions/oidc/customization/sub': () =>
      Promise.resolve({ status: 200, body: subject }),
  };
}
