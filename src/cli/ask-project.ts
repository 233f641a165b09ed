import { createInterface, type Interface } from 'node:readline/promises';
import { isTaskName, nameSchema, type ProjectAnswers, TASK_NAMES } from '../config/index.ts';
import { failure } from '../errors.ts';

interface Question {
  words: string;
  /** What is wrong with an answer; `undefined` for one that will do. */
  wrong?: (answer: string) => string | undefined;
}

const QUESTIONS: Record<keyof ProjectAnswers, Question> = {
  model: {
    words: 'Name of the model',
    wrong: (answer) => nameSchema.safeParse(answer).error?.issues[0]?.message,
  },
  train: { words: 'Training data, a file or folder' },
  holdout: { words: 'Labelled data that judge every candidate and never train' },
  code: { words: 'Training code, a file or folder' },
  run: { words: 'Command that trains and leaves a model.onnx' },
  environment: { words: 'Lock file of what the training has installed' },
  task: {
    words: `What it predicts (${TASK_NAMES.join(', ')})`,
    wrong: (answer) => (isTaskName(answer) ? undefined : `expected one of ${TASK_NAMES.join(', ')}`),
  },
  label: { words: 'Column that holds the truth' },
};

/** Asks for each setting of a new project on the terminal; Enter takes what stands in brackets. */
export async function askProject(defaults: ProjectAnswers, signal: AbortSignal): Promise<ProjectAnswers> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Takes Ctrl-C away from the terminal driver, and with it the signal that everything else waits for.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new Promise<never>((_, reject) => {
    terminal.once('close', () =>
      reject(failure('cancelled', 'the questions were not answered', 'Run edgeloop init again.')),
    );
  });
  closed.catch(() => undefined);
  const ask = (name: keyof ProjectAnswers) =>
    Promise.race([closed, answerTo(terminal, QUESTIONS[name], defaults[name], signal)]);
  try {
    const answers = {
      model: await ask('model'),
      train: await ask('train'),
      holdout: await ask('holdout'),
      code: await ask('code'),
      run: await ask('run'),
      environment: await ask('environment'),
      label: await ask('label'),
    };
    const task = await ask('task');
    return { ...answers, task: isTaskName(task) ? task : defaults.task };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}

async function answerTo(
  terminal: Interface,
  { words, wrong }: Question,
  usual: string,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const answer = (await terminal.question(`${words} [${usual}]: `, { signal })).trim() || usual;
    const problem = wrong?.(answer);
    if (problem === undefined) return answer;
    process.stdout.write(`  ${problem}\n`);
  }
}
