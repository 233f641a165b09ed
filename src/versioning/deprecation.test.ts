import { describe, expect, it } from 'vitest';
import {
  deprecatedTag,
  deprecatedVersions,
  type Deprecation,
  deprecationBytes,
  parseDeprecation,
} from './index.ts';

describe('deprecations', () => {
  const deprecation: Deprecation = {
    schema: 'edgeloop.deprecation/v1',
    model: 'churn',
    version: '1.0.1',
    digest: `sha256:${'1'.repeat(64)}`,
    why: 'trained on the prices of last year',
    date: '2026-01-02T03:04:05Z',
    by: null,
  };
  const of = { model: 'churn', version: '1.0.1' };

  it('are read as they were written', () => {
    expect(parseDeprecation(deprecationBytes(deprecation), of)).toEqual(deprecation);
  });

  it.each<[string, object]>([
    ['another version', { ...deprecation, version: '1.0.2' }],
    ['another model', { ...deprecation, model: 'digits' }],
    ['another schema', { ...deprecation, schema: 'edgeloop.deprecation/v2' }],
    ['no reason', { ...deprecation, why: '' }],
    ['a reason that would steer a terminal', { ...deprecation, why: 'harmless\u001b[2J' }],
    ['more than is known', { ...deprecation, until: 'tomorrow' }],
  ])('of %s are refused', (_, other) => {
    expect(() => parseDeprecation(Buffer.from(JSON.stringify(other)), of)).toThrow(
      expect.objectContaining({ code: 'deprecation-invalid', exitCode: 3 }),
    );
  });

  it('are told from other tags', () => {
    const tags = [
      'deprecated-1.0.1',
      deprecatedTag('1.10.0'),
      'deprecated-',
      'deprecated-1.0',
      '1.0.2',
      'in-1',
    ];
    expect([...deprecatedVersions(tags)]).toEqual(['1.0.1', '1.10.0']);
  });
});
