const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes for people, in powers of 1000 and three digits: `5 B`, `12.3 kB`, `1.02 GB`. */
export function byteCount(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${UNITS[power]}`;
}
