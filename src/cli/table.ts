/** Rows whose cells stand below each other, indented by two spaces. */
export function table(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

/** So wide that a digest beside a label fits 80 columns. */
const LABEL = 9;

/** Facts with a label each; a label that is too long has a line of its own, and a fact without lines is left out. */
export function labelled(facts: readonly (readonly [label: string, lines: readonly string[]])[]): string[] {
  return facts.flatMap(([label, lines]) => {
    if (lines.length === 0) return [];
    const indented = lines.map((line) => `${' '.repeat(LABEL)}${line}`);
    if (label.length >= LABEL) return [label, ...indented];
    return [`${label.padEnd(LABEL)}${lines[0] ?? ''}`, ...indented.slice(1)];
  });
}
