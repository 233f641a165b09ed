// Commands and workflows in the documents for users: none is misspelt. docs-adopt.test.ts runs those of the guide.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../../src/config/index.ts';
import { unknownUsage } from '../fixtures/command-usage.ts';
import {
  blocksOf,
  codeSpans,
  commandsOf,
  GUIDE,
  markdownFiles,
  NOT_RUN,
  readDocument,
  ROOT,
} from '../fixtures/documents.ts';
import { openSession } from '../fixtures/shell-session.ts';
import { findTool } from '../tooling/find.ts';

/** For people who use Edgeloop; CONTRIBUTING.md is for those who change it. */
const DOCUMENTS = ['README.md', ...markdownFiles().filter((path) => /^docs\/[\w-]+\.md$/.test(path))];

describe('the commands of documents', () => {
  it('all have verbs and options that the built command has, also between backticks', () => {
    const wrong = DOCUMENTS.flatMap((document) => {
      const spans = codeSpans(readDocument(document)).filter((code) => /^(npx )?edgeloop [a-z-]/.test(code));
      const texts = [...commandsOf(document).map(({ text }) => text), ...spans];
      return texts.flatMap(unknownUsage).map((what) => `${document}: ${what}`);
    });
    expect(wrong).toEqual([]);
    const verbs = readDocument('README.md')
      .split('\n')
      .flatMap((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? []);
    expect(verbs.length).toBeGreaterThan(10);
    expect(verbs.flatMap(codeSpans).flatMap((verb) => unknownUsage(`edgeloop ${verb}`))).toEqual([]);
  });

  it('are found out when they are misspelt', async () => {
    const guide = readDocument(GUIDE);
    const spoiled = guide.replace('rollout churn@1.0.0 --channel', 'rollout churn@1.0.0 --chanel');
    expect(spoiled).not.toBe(guide);
    expect(blocksOf(spoiled).flatMap(({ text }) => unknownUsage(text))).toEqual([
      'edgeloop rollout: there is no option --chanel',
    ]);
    const block = blocksOf(spoiled).find(({ text }) => text.includes('--chanel'));
    const root = mkdtempSync(join(tmpdir(), 'edgeloop-docs-'));
    const command = block?.text.split('\n').find((line) => line.includes('--chanel')) ?? '';
    expect(await openSession(root, root).run(`${command}\ntrue`)).toMatchObject({ code: 2 });
    expect(unknownUsage('EDGELOOP_REGISTRY=oci:x npx edgeloop plam churn')).toEqual([
      'edgeloop plam: there is no such verb',
    ]);
  });

  it('stand outside of the guide only where they cannot be run, and are sound shell', () => {
    const blocks = DOCUMENTS.flatMap(commandsOf);
    const others = DOCUMENTS.filter((document) => document !== GUIDE).flatMap(commandsOf);
    expect(others.filter(({ first }) => NOT_RUN[first] === undefined)).toEqual([]);
    expect(Object.keys(NOT_RUN).filter((line) => !blocks.some(({ first }) => first === line))).toEqual([]);
    for (const { text } of blocks) execFileSync('bash', ['-n', '-c', text]);
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
    const named = blocks.flatMap(({ text }) => text.match(/(?<=npm run )[\w-]+|(?<=npm )test\b/g) ?? []);
    expect(named.toSorted()).toEqual(['quickstart', 'test']);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe('the examples of edgeloop.yaml in documents', () => {
  it('are valid', () => {
    const examples = DOCUMENTS.flatMap((document) =>
      blocksOf(readDocument(document)).filter(
        ({ language, text }) => language === 'yaml' && /^models:/m.test(text),
      ),
    );
    expect(examples.length).toBeGreaterThan(1);
    for (const { text } of examples) {
      const root = mkdtempSync(join(tmpdir(), 'edgeloop-docs-'));
      writeFileSync(join(root, 'edgeloop.yaml'), text);
      expect(Object.keys(loadConfig(root, undefined, {}).models)).toEqual(['churn']);
    }
  });
});

describe('the workflows of documents', () => {
  const workflows = DOCUMENTS.flatMap((document) =>
    blocksOf(readDocument(document))
      .filter(({ language, text }) => language === 'yaml' && /^jobs:/m.test(text))
      .map(({ text }) => ({ text, document })),
  );

  it('are ten lines in the README', () => {
    const [shown, ...others] = workflows.filter(({ document }) => document === 'README.md');
    expect(others).toEqual([]);
    expect(shown?.text.split('\n').length).toBeLessThanOrEqual(10);
  });

  const actionlint = findTool('actionlint');
  it.skipIf(actionlint === undefined)('are valid by actionlint', () => {
    expect(workflows.length).toBeGreaterThan(1);
    for (const { text, document } of workflows) {
      const args = ['-stdin-filename', `${document}.yml`, '-'];
      const ran = () => execFileSync(actionlint ?? '', args, { input: `${text}\n`, encoding: 'utf8' });
      expect(ran()).toBe('');
    }
  });
});
