/** The child's side of `startChild`: answers each message of the parent, one after the other, and ends with it. */
export function answerParent(answer: (message: unknown) => Promise<unknown>): void {
  let turn: Promise<unknown> = Promise.resolve();
  process.on('message', (raw: { id: number; message: unknown }) => {
    const { id, message } = raw;
    turn = turn
      .then(() => answer(message))
      .then(
        (value) => process.send?.({ id, answer: value }),
        (error: unknown) =>
          process.send?.({ id, error: error instanceof Error ? error.message : String(error) }),
      );
  });
  process.on('disconnect', () => process.exit(0));
  // A terminal's Ctrl-C reaches the whole process group; when to end is the parent's decision.
  process.on('SIGINT', () => undefined);
}
