import { expect, it } from 'vitest';
import { mergeScopes } from './scopes.ts';

it('merges the actions of one resource, and lists others after it', () => {
  const pull = 'repository:models/churn:pull';
  expect(mergeScopes(pull, undefined, '')).toBe(pull);
  expect(mergeScopes(`${pull},push`, pull)).toBe(`${pull},push`);
  expect(mergeScopes(pull, 'repository:models/churn:push,pull repository:base:pull')).toBe(
    `${pull},push repository:base:pull`,
  );
  expect(mergeScopes('repository:localhost:5000/churn:pull', 'registry:catalog:*', 'openid')).toBe(
    'repository:localhost:5000/churn:pull registry:catalog:* openid',
  );
});
