import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { misuse } from '../errors.ts';
import { LOG_LEVELS } from './log.ts';
import { printError } from './run-verb.ts';
import { version } from './version.ts';

// Who reads our output may stop reading, as `head` does: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

// Each verb's code is loaded only when it runs: `edgeloop --help` must answer at once.
const program = new Command('edgeloop')
  .description('MLOps for the edge: retrain, gate, release and swap models on running devices')
  .version(version)
  .addHelpText('after', '\nExample:\n  $ edgeloop quickstart')
  .showHelpAfterError(false)
  .exitOverride()
  .configureOutput({ writeErr: () => {} });

function verb(parent: Command, usage: string, description: string, example: string): Command {
  return parent
    .command(usage)
    .description(description)
    .addOption(new Option('--json', 'print exactly one JSON object on stdout'))
    .addOption(
      new Option('--log-level <level>', 'what is logged to stderr').choices(LOG_LEVELS).default('info'),
    )
    .addHelpText('after', `\nExample:\n  $ ${example}`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

function projectVerb(usage: string, description: string, example: string): Command {
  return verb(program, usage, description, example).option(
    '--config <file>',
    'default: the nearest edgeloop.yaml upward',
  );
}

const baseImage = (): Option =>
  new Option(
    '--base-image <ref>',
    'what the image is built on, so that it runs, such as docker.io/library/debian:13 (default: none, data only)',
  );

const atOnce = (): Option =>
  new Option('--concurrency <number>', 'most layers that travel at once (default: 4)').argParser((text) => {
    if (/^[1-9]\d?$/.test(text)) return Number(text);
    throw new InvalidArgumentError('It is a number from 1 to 99.');
  });

verb(program, 'quickstart', 'run the whole loop in a scratch folder, with no account', 'edgeloop quickstart')
  .option('--workdir <folder>', 'where to run it (default: a new temporary folder)')
  .action(async (options) => (await import('./quickstart/quickstart.ts')).default(options));

verb(program, 'init', 'write edgeloop.yaml, agent.yaml and workflows into a repository', 'edgeloop init')
  .addOption(
    new Option('--example <name>', 'write a whole example, with its data and training').choices(['churn']),
  )
  .action(async (options) => (await import('./init.ts')).default(options));

projectVerb('plan [models...]', 'what would be trained, and why', 'edgeloop plan churn --since origin/main')
  .option('--since <revision>', 'compare with this commit instead of the champion')
  .action(async (models, options) => (await import('./plan.ts')).default(models, options));

projectVerb(
  'retrain <model>',
  'plan, train or reuse, evaluate, gate, keep the candidate',
  'edgeloop retrain churn',
)
  .option('--from <folder>', 'take the model.onnx in this folder instead of training')
  .option('--allow-dirty', 'take uncommitted changes too; the result is judged, and never kept for a release')
  .addOption(
    new Option(
      '--detach',
      'leave a training on Azure ML to itself; run it again without this to take it up',
    ).conflicts(['from', 'allowDirty']),
  )
  .action(async (model, options) => (await import('./retrain.ts')).default(model, options));

projectVerb('release <model>', 'give the candidate a version: image, tags, lock', 'edgeloop release churn')
  .addOption(
    new Option('--bump <level>', 'raise the computed bump, never lower it').choices([
      'patch',
      'minor',
      'major',
    ]),
  )
  .addOption(baseImage())
  .action(async (model, options) => (await import('./release.ts')).default(model, options));

projectVerb(
  'rollout <model@version>',
  'move a channel to a release',
  'edgeloop rollout churn@1.0.1 --channel production',
)
  .requiredOption('--channel <name>', 'the channel that devices follow')
  .option('--allow-major', 'go on to a major version, which may break clients')
  .action(async (release, options) => (await import('./rollout.ts')).default(release, options));

projectVerb(
  'rollback <model>',
  'move a channel back, with a new document that names an older release',
  'edgeloop rollback churn --channel production',
)
  .requiredOption('--channel <name>', 'the channel that devices follow')
  .option('--to <version>', 'the release to go back to (default: what the channel named before)')
  .action(async (model, options) => (await import('./rollback.ts')).default(model, options));

projectVerb(
  'deprecate <model@version>',
  'say of a release that it is not to be rolled out any more',
  'edgeloop deprecate churn@1.0.1 --why "trained on the prices of last year"',
)
  .requiredOption('--why <text>', 'a sentence for whoever wants to roll it out')
  .action(async (release, options) => (await import('./deprecate.ts')).default(release, options));

projectVerb(
  'verify [model]',
  'compare git, registry and channels, and check every byte',
  'edgeloop verify churn --repair',
)
  .option('--repair', 'make again what is missing and derives from the rest; never moves a release')
  .action(async (model, options) => (await import('./verify.ts')).default(model, options));

projectVerb(
  'status [release]',
  'channels, releases, devices; of one release (MODEL@VERSION or the digest that a device runs) where it comes from',
  'edgeloop status churn@1.0.1',
)
  .option('--diff <releases...>', 'what differs between two releases, such as churn@1.0.0 1.0.1')
  .option('--device <url...>', 'an agent to ask, such as http://127.0.0.1:8080')
  .action(async (release, options) => (await import('./status.ts')).default(release, options));

projectVerb(
  'doctor',
  'check program, project, registry, GitHub and Azure; changes nothing',
  'edgeloop doctor',
)
  .option(
    '--sweep',
    'instead: list our jobs on Azure ML that nobody waits for, and ask whether to cancel them',
  )
  .option('--yes', 'with --sweep: cancel them without asking')
  .action(async (options) => (await import('./doctor.ts')).default(options));

function referenceVerb(usage: string, description: string, example: string): Command {
  return verb(program, usage, description, example).option(
    '--plain-http',
    'speak plain HTTP to the registry (to this machine it goes by itself)',
  );
}

referenceVerb(
  'push <dir> <ref>',
  'push the model in a folder',
  'edgeloop push model localhost:5000/churn:1.0.0',
)
  .option('--move-tag', 'let a tag that names something else name this model')
  .addOption(baseImage())
  .addOption(atOnce())
  .action(async (folder, ref, options) => (await import('./push.ts')).default(folder, ref, options));

referenceVerb(
  'pull <ref> <dir>',
  'pull a model into a folder',
  'edgeloop pull localhost:5000/churn:1.0.0 model',
)
  .addOption(atOnce())
  .action(async (ref, folder, options) => (await import('./pull.ts')).default(ref, folder, options));

referenceVerb(
  'inspect <ref>',
  'what a model is, and how it came to be',
  'edgeloop inspect localhost:5000/churn:1.0.0',
).action(async (ref, options) => (await import('./inspect.ts')).default(ref, options));

verb(program, 'agent', 'run the agent on a device', 'edgeloop agent --config agent.yaml')
  .option('--config <file>', 'default: agent.yaml in this folder')
  .option('--state <folder>', 'journal, models and control socket')
  .option('--http <address>', 'where it answers (default: 127.0.0.1:8080)')
  .option('--registry <ref>', 'where models come from')
  .option('--channel <name>', 'what it follows (default: production)')
  .option('--poll <duration>', 'how often it looks (default: 60s)')
  .option('--probation <duration>', 'how long a new version is watched (default: 30s)')
  .option('--model <name=range...>', 'a model to serve, and the versions it accepts, such as churn=^1.0.0')
  .action(async (options) => (await import('./agent.ts')).default(options));

const device = program
  .command('device')
  .description('talk to the running agent on this machine')
  .exitOverride();

function deviceVerb(usage: string, description: string, example: string): Command {
  return verb(device, usage, description, `edgeloop device ${example} --state .edgeloop/agent`)
    .option('--config <file>', 'default: agent.yaml in this folder')
    .option('--state <folder>', "the agent's state folder (default: from agent.yaml)");
}

deviceVerb('status', 'what it serves', 'status').action(async (options) =>
  (await import('./device.ts')).deviceStatus(options),
);
deviceVerb('poll', 'look at the channel now', 'poll').action(async (options) =>
  (await import('./device.ts')).devicePoll(options),
);
deviceVerb('rollback <model>', 'go back to the version before, at once', 'rollback churn').action(
  async (model, options) => (await import('./device.ts')).deviceRollback(model, options),
);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version were asked for, and commander has printed them.
  if (error.exitCode !== 0) {
    const message = error.message.replace(/^error: /, '');
    const usage = misuse(
      'usage',
      message,
      `See: edgeloop ${process.argv[2] ?? ''} --help`.replace('  ', ' '),
    );
    process.exitCode = printError(usage, process.argv.includes('--json'));
  }
}
