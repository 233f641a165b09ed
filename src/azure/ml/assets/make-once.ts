import type { MlWorkspace } from '../workspace.ts';

/**
 * Makes something in the workspace unless it is there. It never changes again, so that whoever makes it at the same time
 * makes the same: when that is refused, it is looked for once more.
 */
export async function makeOnce(
  ml: MlWorkspace,
  what: string,
  { find, make }: { find(): Promise<unknown>; make(): Promise<unknown> },
): Promise<void> {
  const found = () => ml.finding(`looking for ${what}`, find);
  if ((await found()) !== undefined) return;
  try {
    await ml.asking(`making ${what}`, make);
  } catch (error) {
    if ((await found().catch(() => undefined)) === undefined) throw error;
  }
}
