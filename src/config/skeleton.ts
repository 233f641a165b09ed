import { stringify } from 'yaml';
import type { TaskName } from './tasks.ts';

/** What a new `edgeloop.yaml` says of its one model, in the words of the schema. */
export interface ProjectAnswers {
  model: string;
  train: string;
  holdout: string;
  code: string;
  run: string;
  environment: string;
  task: TaskName;
  label: string;
}

/** Where the JSON Schemas lie for everybody who opens the file, with or without this package. */
export const SCHEMA_ADDRESS = 'https://raw.githubusercontent.com/edgeloop/edgeloop/v0/schema/';

/** What the gate asks of a first model, until its team knows better. */
const METRICS: Record<TaskName, string> = {
  'binary-classification': `auc: { tolerance: 0.02 }
        log_loss: { tolerance: 10% }`,
  'multiclass-classification': `accuracy: { tolerance: 0.02 }
        log_loss: { tolerance: 10% }`,
  regression: 'rmse: { tolerance: 5% }',
};

/** A text as YAML takes it, on one line, whatever is in it. */
export function quoted(text: string): string {
  return stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();
}

/** The text of a new `edgeloop.yaml` with comments for whoever has not seen one before. */
export function projectSkeleton(registry: string, answers: ProjectAnswers): string {
  const { model, train, holdout, code, run, environment, task, label } = answers;
  return `# yaml-language-server: $schema=${SCHEMA_ADDRESS}edgeloop.schema.json
# What Edgeloop trains, how it judges the result, and where it keeps it. Commit this file.

# Where model images are kept: a folder (oci:FOLDER), so that no account is needed, or a registry:
# ghcr.io/OWNER/REPO, myregistry.azurecr.io/models or localhost:5000/models.
registry: ${quoted(registry)}

models:
  ${quoted(model)}:
    data:
      # A file, a folder or a list of them. A file that is added, changed or removed asks for a retraining.
      train: ${quoted(train)}
      # Labelled rows that judge every candidate and never train.
      holdout: ${quoted(holdout)}

    train:
      # Any command in any language that leaves a model.onnx in the output folder and exits with 0. It runs in a clean
      # copy of the commit; what it needs is installed by the workflows in .github/workflows.
      run: ${quoted(run)}
      # Together with the data these decide whether anything needs to be trained: the code ...
      code: ${quoted(code)}
      # ... the parameters, each a placeholder of the command, such as \${{inputs.trees}} for { trees: 120 } ...
      params: {}
      # ... and the lock file of what is installed.
      environment: ${quoted(environment)}
      timeout: 30m

    evaluate:
      task: ${task}
      # The holdout's column that the model predicts; the other columns are its inputs.
      label: ${quoted(label)}
      # The gate: the lower end of the 95 % interval of a candidate's improvement on the champion must not lie more than
      # \`tolerance\` below zero (absolute, or in percent of the champion's value). \`min\` and \`max\` set a floor and a ceiling.
      metrics:
        ${METRICS[task]}
      # Columns whose groups an average must not hide: none of them may get worse beyond doubt.
      slices: []
      # What a device can afford, such as { size: 10MB, latency: 1.5x }.
      budget: {}

# What devices follow. The first one names the champion.
channels: [production]
`;
}
