import { z } from 'zod';
import { misuse } from '../../../errors.ts';
import { readSource, type SourceFile } from './source-file.ts';

/** A text of a job file that a workspace would show to all who may read its jobs. */
interface SecretFound {
  path: string[];
  what: string;
}

const LOOKS: readonly [what: string, pattern: RegExp][] = [
  ['a connection string', /(AccountKey|SharedAccessKey|Password|Pwd)=[^;\s]+/i],
  ['a shared access signature', /[?&]sig=|SharedAccessSignature/i],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY/],
  ['a password in an address', /:\/\/[^/\s:@]+:[^/\s@]+@/],
  ['a token of GitHub', /\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/],
  ['a signed token', /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/],
  ['a token', /\b(hf_[A-Za-z0-9]{20,}|sk-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})/],
  ['a key of a storage account', /\b[A-Za-z0-9+/]{86}==/],
  ['a secret of an Entra application', /(^|[^\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,}/],
];
const NAMED =
  /(^|_)(secret|password|passwd|pwd|token|sas|credentials?|api_?key|access_?key|account_?key|private_?key|connection_?string)$/i;
/** Numbers and words for yes and no are no secret, whatever they are called: `MAX_TOKEN: 512`. */
const PLAIN = /^(-?[\d.]+|true|false|yes|no|on|off|none)?$/i;

const mapSchema = z.record(z.string(), z.unknown());

/** The first text below a value that looks like a secret, or is the value of a variable that is named like one. */
function findSecret(value: unknown, path: string[] = []): SecretFound | undefined {
  if (typeof value === 'string') {
    const [what] = LOOKS.find(([, pattern]) => pattern.test(value)) ?? [];
    if (what !== undefined) return { path, what };
    const isVariable = path.at(-2) === 'environment_variables';
    return isVariable && NAMED.test(path.at(-1) ?? '') && !PLAIN.test(value)
      ? { path, what: 'a secret, by its name' }
      : undefined;
  }
  const map = Array.isArray(value) ? Object.fromEntries(value.entries()) : value;
  for (const [key, below] of Object.entries(mapSchema.safeParse(map).data ?? {})) {
    const found = findSecret(below, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Refuses a file with a secret in it: whoever may read jobs would read it. Throws `job-file-secret`. */
export function checkSecrets(source: SourceFile): void {
  const found = findSecret(readSource(source, z.unknown()));
  if (found === undefined) return;
  const { message } = source.wrong(found.path, `looks like ${found.what}`);
  throw misuse(
    'job-file-secret',
    `${message}, and all who may read the workspace's jobs would read it`,
    'Take it out of the file and make it invalid where it came from; let the training ask Key Vault for it, as the identity of its compute ("identity").',
  );
}
