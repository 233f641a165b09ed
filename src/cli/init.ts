import { join } from 'node:path';
import { type Initialized, initProject } from '../loop/init/init.ts';
import { askProject } from './ask-project.ts';
import { packageRoot } from '../package-root.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';
import { wrap } from './wrap.ts';

const WIDTH = 110;

/** `edgeloop init [--example churn]` */
export default function init(options: CommonOptions & { example?: string }): Promise<void> {
  return runVerb(options, async ({ cwd, signal }) => {
    const canAsk = process.stdin.isTTY && process.stdout.isTTY && options.json !== true;
    const result = await initProject(
      {
        cwd,
        templates: join(packageRoot(), 'examples/churn'),
        ask: (defaults) => (canAsk ? askProject(defaults, signal) : Promise.resolve(defaults)),
        signal,
      },
      { example: options.example !== undefined },
    );
    const { files, kept, byHand } = result;
    return { json: { files, kept, byHand }, text: page(result) };
  });
}

function page({ files, kept, byHand, registry }: Initialized): string {
  const wrapped = byHand.map((item) => wrap(item, WIDTH).join('\n    '));
  return [
    ...list('Written:', files),
    ...list('Kept as it was:', kept),
    ...list('To be done by hand:', wrapped),
    ...list('Next:', nextCommands(files, registry)),
  ].join('\n');
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [title, ...items.map((item) => `  ${item}`), ''];
}

function nextCommands(files: readonly string[], registry: string): string[] {
  const tops = [...new Set(files.map((path) => path.split('/')[0] ?? ''))];
  // Without an account a registry says nothing of what is not public.
  const here = registry.startsWith('oci:') ? '' : 'EDGELOOP_REGISTRY=oci:.edgeloop/registry ';
  return [
    ...(tops.length === 0 ? [] : [`git add ${tops.join(' ')}`, 'git commit -m "Let Edgeloop look after it"']),
    `${here}npx edgeloop plan`,
  ];
}
