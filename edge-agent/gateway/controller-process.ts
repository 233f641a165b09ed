import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type EdgeloopError, failure } from '../../src/errors.ts';
import {
  errorFrom,
  errorMessage,
  type FromGateway,
  fromController,
  type ModelReport,
  type Operation,
  type OperationRequest,
  type OperationResult,
  OPERATIONS,
} from '../messages.ts';
import type { AgentSettings, Log } from '../settings.ts';

/** What the gateway does when the controller asks. */
export type Handlers = { [O in Operation]: (request: OperationRequest<O>) => Promise<OperationResult<O>> };

export interface ControllerDeps {
  settings: AgentSettings;
  handlers: Handlers;
  log: Log;
  onReport(models: ModelReport[]): void;
}

export interface ControllerProcess {
  /** Resolves when it has read its journal and holds the state folder; rejects when that cannot be. */
  readonly started: Promise<void>;
  /** Undefined while it restarts. */
  pid(): number | undefined;
  fault(fault: { model: string; digest: string; faults: number; reason: string }): void;
  /** Ends it in order; kills it when that takes longer than `graceMs`. */
  end(graceMs: number): Promise<void>;
}

const STABLE_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;

// As source it lies among the entries, which alone know who we are to a registry; bundled, beside the program.
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? '../../src/cli/controller.ts' : './controller.js',
  import.meta.url,
);

/** Runs the controller as a child process, and another one when it dies: serving does not depend on it. */
export function startController(deps: ControllerDeps): ControllerProcess {
  const { promise: started, resolve, reject } = Promise.withResolvers<void>();
  let child: ChildProcess;
  let ending = false;
  let everStarted = false;
  let deathsInARow = 0;
  let restart: NodeJS.Timeout | undefined;

  const spawn = () => {
    const began = performance.now();
    let refused: EdgeloopError | undefined;
    child = forkController();
    receive(child, deps, {
      started: () => {
        everStarted = true;
        resolve();
      },
      failed: (error) => {
        refused = error;
      },
    });
    child.once('exit', (code, signal) => {
      if (ending) return;
      const why =
        refused ?? failure('controller-died', `the controller ended (${signal ?? code})`, 'See its log.');
      if (!everStarted) return reject(why);
      deathsInARow = performance.now() - began > STABLE_MS ? 0 : deathsInARow + 1;
      const pause = Math.min(100 * 2 ** deathsInARow, LONGEST_PAUSE_MS);
      deps.log('error', `${why.message}; serving goes on, it is started again`, { code: why.code, pause });
      restart = setTimeout(spawn, pause);
    });
    post(child, { kind: 'start', settings: deps.settings });
  };
  spawn();

  const alive = () => child.exitCode === null && child.signalCode === null;
  return {
    started,
    pid: () => (alive() ? child.pid : undefined),
    fault: (fault) => post(child, { kind: 'fault', ...fault }),
    async end(graceMs) {
      ending = true;
      clearTimeout(restart);
      if (!alive()) return;
      const ended = new Promise<void>((done) => child.once('exit', () => done()));
      post(child, { kind: 'end' });
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

function forkController(): ChildProcess {
  return fork(fileURLToPath(PROGRAM), {
    execArgv: [],
    // Structured clone: tensors of golden samples stay bytes. Its output is for crashes only; stdout is the agent's.
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
  });
}

function receive(
  child: ChildProcess,
  { handlers, log, onReport }: ControllerDeps,
  on: { started(): void; failed(error: EdgeloopError): void },
): void {
  child.on('message', (raw: unknown) => {
    const parsed = fromController.safeParse(raw);
    if (!parsed.success) {
      log('error', `the controller sent something that nobody understands: ${parsed.error.message}`);
      child.kill('SIGKILL');
      return;
    }
    const message = parsed.data;
    switch (message.kind) {
      case 'request':
        void handle(handlers, message).then((reply) => post(child, reply));
        break;
      case 'log':
        log(message.level, message.message, message.fields);
        break;
      case 'report':
        onReport(message.models);
        break;
      case 'started':
        on.started();
        break;
      case 'failed':
        on.failed(errorFrom(message.error));
        break;
    }
  });
  child.on('error', (error) => log('error', `the controller: ${error.message}`));
}

async function handle(
  handlers: Handlers,
  { id, operation, request }: { id: number; operation: string; request?: unknown },
): Promise<FromGateway> {
  try {
    return { kind: 'result', id, result: await perform(handlers, operation, request) };
  } catch (error) {
    return { kind: 'refused', id, error: errorMessage(error) };
  }
}

function perform(handlers: Handlers, operation: string, request: unknown): Promise<unknown> {
  switch (operation) {
    case 'holdings':
      return handlers.holdings(OPERATIONS.holdings.request.parse(request));
    case 'load':
      return handlers.load(OPERATIONS.load.request.parse(request));
    case 'run':
      return handlers.run(OPERATIONS.run.request.parse(request));
    case 'arrange':
      return handlers.arrange(OPERATIONS.arrange.request.parse(request));
    default:
      throw new Error(`the controller asked for an unknown operation "${operation}"`);
  }
}

function post(child: ChildProcess, message: FromGateway): void {
  // A controller that has just died takes no messages; its successor asks for what it needs.
  if (child.connected) child.send(message, () => undefined);
}
