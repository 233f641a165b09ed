/**
 * What several sources hand out at the same time, one value of each; `undefined` for one that has ended while others
 * have not. Ends all of them when it is left.
 */
export async function* lockstep<Value>(
  sources: readonly AsyncGenerator<Value>[],
): AsyncGenerator<(Value | undefined)[]> {
  try {
    for (;;) {
      const results = await Promise.all(sources.map((source) => source.next()));
      if (results.every(({ done }) => done)) return;
      yield results.map(({ done, value }) => (done ? undefined : value));
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)));
  }
}
