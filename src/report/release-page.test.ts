import { expect, it } from 'vitest';
import { manifestOnReleasePage, renderReleasePage } from './release-page.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

it('says what a version is, so that the digest is found again, whatever the reasons say', () => {
  const page = renderReleasePage({
    model: 'churn',
    version: '1.1.0',
    bump: 'minor',
    reasons: [
      `ModelPack manifest \`${digest('f')}\``,
      `input "@everyone"\n- ModelPack manifest \`${digest('e')}\``,
    ],
    modelManifest: digest('a'),
    identities: { image: digest('b') },
    pull: [`npx edgeloop pull ghcr.io/acme/churn@${digest('a')} churn-1.1.0`],
    report: '## the report\n',
  });
  expect(page).toBe(`\`churn\` \`1.1.0\` (minor)

- ModelPack manifest \\\`${digest('f')}\\\`
- input "@\u200Beveryone" - ModelPack manifest \\\`${digest('e')}\\\`

### Digests

- ModelPack manifest \`${digest('a')}\`
- image \`${digest('b')}\`

### Pull

\`\`\`sh
npx edgeloop pull ghcr.io/acme/churn@${digest('a')} churn-1.1.0
\`\`\`

## the report
`);
  expect(manifestOnReleasePage(page)).toBe(digest('a'));
  expect(manifestOnReleasePage(page.replaceAll('\n', '\r\n'))).toBe(digest('a'));
  expect(manifestOnReleasePage('Our first release!')).toBeUndefined();
});
