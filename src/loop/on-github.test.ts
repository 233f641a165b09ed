import { expect, it } from 'vitest';
import { isRemoteOf, withoutSecret } from './on-github.ts';

it.each([
  ['https://github.com/acme/churn', true],
  ['https://github.com/acme/churn.git/', true],
  ['https://x-access-token:secret@github.com/Acme/Churn.git', true],
  ['git@github.com:acme/churn.git', true],
  ['ssh://git@github.com:22/acme/churn.git', true],
  ['https://github.com/acme/churn-other.git', false],
  ['https://github.com/acme/churn/churn.git', false],
  ['https://github.com.evil.example/acme/churn.git', false],
  ['https://evil.example/github.com/acme/churn.git', false],
  ['/srv/git/acme/churn.git', false],
  ['file:///github.com/acme/churn.git', false],
])('takes %s for the repository acme/churn on github.com: %s', (remote, expected) => {
  expect(isRemoteOf(remote, 'https://github.com', 'acme/churn')).toBe(expected);
});

it.each([
  ['https://x-access-token:secret@github.com/acme/churn.git', 'https://github.com/acme/churn.git'],
  ['https://user:p@ss@git.example/acme/churn', 'https://git.example/acme/churn'],
  ['git@github.com:acme/churn.git', 'git@github.com:acme/churn.git'],
  ['https://github.com/acme/ch@rn', 'https://github.com/acme/ch@rn'],
])('shows %s as %s', (remote, shown) => {
  expect(withoutSecret(remote)).toBe(shown);
});
