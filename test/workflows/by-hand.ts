// npm run act -- EVENT: what the workflows that `edgeloop init` writes do at an event, without GitHub. act runs them on
// a repository of a stand-in for GitHub, with a registry of its own; at the end it shows what is there afterwards.
import { parseArgs } from 'node:util';
import { git } from '../fixtures/churn-project.ts';
import { dataArrive, openWorkflowScene, type WorkflowScene } from '../fixtures/workflow-scene.ts';

const EVENTS = ['pull_request', 'workflow_dispatch', 'repository_dispatch'] as const;
type Event = (typeof EVENTS)[number];

const follow = (text: string) => void process.stdout.write(text);

async function play(scene: WorkflowScene, event: Event): Promise<number | null> {
  const release = (name: string, payload: object) =>
    scene.run('release.yml', 'main', name, payload, follow).then(({ code }) => code);
  if (event === 'workflow_dispatch') return release(event, { inputs: {} });
  // Both are about a change: before it there is a first release.
  const first = await release('workflow_dispatch', { inputs: {} });
  if (first !== 0) return first;
  const proposed = await scene.propose('more-data', () => dataArrive(scene.work));
  if (event === 'pull_request')
    return (await scene.run('retrain.yml', 'more-data', event, proposed.payload, follow)).code;
  scene.merge('more-data');
  return release(event, { action: 'edgeloop-data-changed', client_payload: { models: ['churn'] } });
}

function part(title: string, lines: string[]): void {
  console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join('\n') || '  none'}`);
}

function show({ github, registry }: WorkflowScene): void {
  part('registry', [registry]);
  part('git tags', git(github.folder, 'tag').split('\n').filter(Boolean));
  part(
    'checks',
    github.checkRuns.map(({ name, conclusion }) => `${name}: ${conclusion}`),
  );
  part(
    'deployments',
    github.deployments.map(({ environment, ref }) => `${environment}: ${ref}`),
  );
  part(
    'comments',
    github.comments.all.flatMap(({ body }) => body.split('\n')),
  );
}

const { positionals } = parseArgs({ allowPositionals: true });
const event = EVENTS.find((known) => known === positionals[0]);
if (event === undefined || positionals.length > 1) {
  console.error(`npm run act -- EVENT, where EVENT is one of ${EVENTS.join(', ')}`);
  process.exitCode = 2;
} else {
  await using scene = await openWorkflowScene();
  process.exitCode = (await play(scene, event)) ?? 1;
  show(scene);
}
