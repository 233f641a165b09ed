import { z } from 'zod';

/**
 * Names of models and channels, in the grammar that git, GTO, OCI, Azure ML and URLs all take:
 * 2 to 63 characters, lower case, a letter first, no hyphen at the end (GTO refuses one there).
 */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/,
    'expected 2 to 63 characters: a-z first, then a-z, 0-9 and "-", which may not be last',
  );
