/** Files as people read them: `1 file`, `1,234 files`. */
export function fileCount(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'}`;
}
