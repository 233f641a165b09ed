import { describe, expect, it } from 'vitest';
import { formatReference, parseReference } from './reference.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

describe('parseReference', () => {
  it.each([
    ['oci:.edgeloop/registry', { kind: 'layout', folder: '.edgeloop/registry' }],
    ['oci:/srv/models/churn:1.2.3', { kind: 'layout', folder: '/srv/models/churn', tag: '1.2.3' }],
    [`oci:churn@${DIGEST}`, { kind: 'layout', folder: 'churn', digest: DIGEST }],
    ['oci:/a:b/c@d/churn:in-00ff', { kind: 'layout', folder: '/a:b/c@d/churn', tag: 'in-00ff' }],
    ['ghcr.io/acme/models/churn', { kind: 'registry', host: 'ghcr.io', repository: 'acme/models/churn' }],
    ['localhost/churn:1', { kind: 'registry', host: 'localhost', repository: 'churn', tag: '1' }],
    [
      '10.0.0.7:5000/churn:1.0.0-model',
      { kind: 'registry', host: '10.0.0.7:5000', repository: 'churn', tag: '1.0.0-model' },
    ],
    [
      `[::1]:5000/m/churn@${DIGEST}`,
      { kind: 'registry', host: '[::1]:5000', repository: 'm/churn', digest: DIGEST },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
    expect(formatReference(parseReference(text))).toBe(text);
  });

  it.each([
    ['', /registry host/],
    ['oci:', /folder is missing/],
    ['oci::1.0.0', /folder is missing/],
    ['oci:churn:', /"" is not a tag/],
    ['oci:churn:-x', /"-x" is not a tag/],
    ['oci:churn@sha256:12', /"sha256:12" is not a digest/],
    [`ghcr.io/a/churn:1@${DIGEST}`, /both a tag and a digest/],
    ['churn', /registry host/],
    ['acme/churn:1.0.0', /registry host/],
    ['https://ghcr.io/acme/churn', /URL scheme/],
    ['ghcr.io/Acme/churn', /"Acme\/churn" is not a repository name/],
    ['ghcr.io/acme/../churn', /not a repository name/],
    ['localhost:99999/churn', /"localhost:99999" is not HOST or HOST:PORT/],
    ['user:secret@host.io/churn', /not HOST or HOST:PORT/],
  ])('says what is wrong with "%s"', (text, problem) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({
        code: 'reference-invalid',
        exitCode: 2,
        message: expect.stringMatching(problem),
      }),
    );
  });
});
