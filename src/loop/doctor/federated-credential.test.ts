import { describe, expect, it } from 'vitest';
import { federatedCredentials } from './federated-credential.ts';

const NEEDED = { branch: 'main', environments: ['production'] };
const IDS = { owner: '42', repository: '7' };
const subjects = (origin: Parameters<typeof federatedCredentials>[0]) =>
  federatedCredentials(origin, NEEDED).map(({ subject }) => subject);

describe('what Entra is told of a repository', () => {
  it('has the names alone, and with ids where these are known', () => {
    const names = [
      'repo:Acme/churn:ref:refs/heads/main',
      'repo:Acme/churn:pull_request',
      'repo:Acme/churn:environment:production',
    ];
    const origin = { server: 'https://github.com', repository: 'Acme/churn' };
    expect(subjects(origin)).toEqual(names);
    expect(subjects({ ...origin, ids: IDS })).toEqual([
      ...names,
      'repo:Acme@42/churn@7:ref:refs/heads/main',
      'repo:Acme@42/churn@7:pull_request',
      'repo:Acme@42/churn@7:environment:production',
    ]);
  });

  it('has what GitHub itself says where it does', () => {
    const origin = { server: 'https://github.com', repository: 'acme/churn', ids: IDS };
    expect(subjects({ ...origin, prefix: 'repo:acme@42/churn@7' })).toEqual([
      'repo:acme@42/churn@7:ref:refs/heads/main',
      'repo:acme@42/churn@7:pull_request',
      'repo:acme@42/churn@7:environment:production',
    ]);
  });

  it.each([
    ['https://github.com', 'https://token.actions.githubusercontent.com', 6],
    ['https://acme.ghe.com', 'https://token.actions.acme.ghe.com', 6],
    // A server of one's own knows no ids in subjects.
    ['https://git.acme.example', 'https://git.acme.example/_services/token', 3],
  ])('is issued for %s by %s', (server, issuer, count) => {
    const found = federatedCredentials({ server, repository: 'acme/churn', ids: IDS }, NEEDED);
    expect(found).toHaveLength(count);
    expect(new Set(found.map((one) => one.issuer))).toEqual(new Set([issuer]));
    expect(new Set(found.map(({ name }) => name)).size).toBe(count);
    expect(found.every(({ audiences }) => audiences.join() === 'api://AzureADTokenExchange')).toBe(true);
  });
});
