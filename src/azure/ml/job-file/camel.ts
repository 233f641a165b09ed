type CamelKey<Key> = Key extends `${infer Head}_${infer Letter}${infer Tail}`
  ? `${Head}${Uppercase<Letter>}${CamelKey<Tail>}`
  : Key;

type Given<Value> = {
  [Key in keyof Value as undefined extends Value[Key] ? never : Key]: Value[Key];
} & { [Key in keyof Value as undefined extends Value[Key] ? Key : never]?: Exclude<Value[Key], undefined> };

/** Without the keys that hold nothing. */
export function given<Value extends object>(value: Value): Given<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as Given<Value>;
}

/**
 * The keys as the body of a job has them: `max_total_trials` is `maxTotalTrials`. A step of a pipeline keeps them as they
 * stand in the file.
 */
export function camel<Value extends object>(
  value: Value,
): Given<{ [Key in keyof Value as CamelKey<Key>]: Value[Key] }> {
  const entries = Object.entries(given(value)).map(([key, held]): [string, unknown] => [
    key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    held,
  ]);
  return Object.fromEntries(entries) as never;
}

/** Each value of a map made into another. */
export function mapped<From, To>(
  map: Readonly<Record<string, From>>,
  make: (value: From, key: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, make(value, key)]));
}
