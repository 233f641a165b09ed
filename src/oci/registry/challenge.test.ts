import { describe, expect, it } from 'vitest';
import { parseChallenges } from './challenge.ts';

const realm = 'https://auth.example/token';

describe('parseChallenges', () => {
  it('reads what registries send', () => {
    expect(
      parseChallenges(
        `Bearer realm="${realm}",service="registry.example",scope="repository:models/churn:pull,push"`,
      ),
    ).toEqual([
      { scheme: 'bearer', realm, service: 'registry.example', scope: 'repository:models/churn:pull,push' },
    ]);
    expect(parseChallenges('Basic realm="Registry Realm"')).toEqual([
      { scheme: 'basic', realm: 'Registry Realm' },
    ]);
    expect(parseChallenges('Basic')).toEqual([{ scheme: 'basic', realm: '' }]);
  });

  it('takes scheme and names in any case, spaces around "=" and values without quotes', () => {
    expect(parseChallenges(`BEARER Realm = "${realm}" ,\tSERVICE=registry , error="invalid_token"`)).toEqual([
      { scheme: 'bearer', realm, service: 'registry' },
    ]);
  });

  it('tells several challenges apart, whatever lies between them', () => {
    const both = [
      { scheme: 'basic', realm: 'one, "two" \\' },
      { scheme: 'bearer', realm },
    ];
    const basic = String.raw`Basic realm="one, \"two\" \\", charset="UTF-8"`;
    for (const header of [
      `${basic}, Bearer realm="${realm}"`,
      `, ${basic} ,, Bearer realm="${realm}",`,
      `Negotiate, ${basic}, Newauth abc+/9==, Bearer realm="${realm}"`,
      `Newauth title="Basic realm=x", ${basic}, Bearer realm="${realm}", Negotiate`,
    ])
      expect(parseChallenges(header)).toEqual(both);
  });

  it('leaves out a bearer without a realm and what comes after a mistake', () => {
    expect(parseChallenges('')).toEqual([]);
    expect(parseChallenges('Bearer service="registry"')).toEqual([]);
    expect(parseChallenges(`Basic realm="never closed, Bearer realm=x`)).toEqual([
      { scheme: 'basic', realm: '' },
    ]);
    expect(parseChallenges(`Basic realm="a" Bearer realm="${realm}"`)).toEqual([
      { scheme: 'basic', realm: 'a' },
    ]);
  });
});
