import { readFileSync, realpathSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { z } from 'zod';
import { placeOfSetting, validateYaml } from '../../../config/index.ts';
import { type EdgeloopError, misuse } from '../../../errors.ts';

type Path = readonly (string | number)[];

/** A job's or component's file, within the code that decides what is trained. */
export interface SourceFile {
  /** Absolute. */
  path: string;
  /** Of the code; absolute. */
  root: string;
  /** As errors name it: relative to where the project's files lie. */
  name: string;
  content: string;
  /** An error at a key of the file, or at the innermost map that should hold it. */
  wrong(path: Path, text: string): EdgeloopError;
  /** A folder or file that it names, relative to itself; refused unless it is among the code. */
  within(named: string, at: Path): string;
}

/** Opens a file below `root`, an absolute path. Throws `job-file-missing`. */
export function openSource(path: string, root: string): SourceFile {
  const name = relative(root, path);
  const wrong = (at: Path, text: string): EdgeloopError => {
    const place = placeOfSetting(path, at);
    const where = place === undefined ? name : `${name}:${place.line}:${place.column ?? 1}`;
    return misuse('job-file-invalid', `${where}: "${at.join('.')}": ${text}`, 'Correct that line.');
  };
  return {
    path,
    root,
    name,
    content: readContent(path, name),
    wrong,
    within(named, at) {
      const target = resolve(dirname(path), named);
      const real = realOf(target);
      if (real === undefined) throw wrong(at, `there is no "${relative(root, target)}" among the code`);
      const top = realpathSync(root);
      if (real === top || real.startsWith(`${top}${sep}`)) return target;
      throw wrong(
        at,
        `"${named}" is not within the code of the training ("code" in edgeloop.yaml), so that no change of it would ask for a retraining`,
      );
    },
  };
}

/** Its values; throws one misuse that lists every error with line, column, found and expected. */
export function readSource<Schema extends z.ZodType>(source: SourceFile, schema: Schema): z.output<Schema> {
  return validateYaml(source.name, source.content, schema);
}

function readContent(path: string, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw misuse(
      'job-file-unreadable',
      `the job's file ${name} cannot be read as UTF-8 text`,
      'Name a file within the code of the training, saved as UTF-8.',
      { cause: error },
    );
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
