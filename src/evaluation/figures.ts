const MORE_DIGITS = [4, 5, 6, 8, 11, 14, 17];

/** A figure for a sentence: three decimals, and two significant digits where that would leave nothing of it. */
export function figure(value: number): string {
  const rounded = Number(value.toFixed(3));
  return String(rounded === 0 && value !== 0 ? Number(value.toPrecision(2)) : rounded + 0);
}

/** The same with as many digits as it takes to tell the value from a limit that it does not equal. */
export function figureBeside(value: number, limit: number): string {
  if (value === limit) return figure(value);
  const texts = [figure(value), ...MORE_DIGITS.map((digits) => String(Number(value.toPrecision(digits))))];
  return texts.find((text) => Number(text) !== limit) ?? String(value);
}

/** A share in per cent: `5 %`, `-0.4 %`. */
export function percent(share: number): string {
  const rounded = Number((share * 100).toFixed(1));
  return `${rounded === 0 && share !== 0 ? Number((share * 100).toPrecision(2)) : rounded + 0} %`;
}

/** An interval's level in per cent; the more slices share it, the closer to 100 % it lies, and never there. */
export function levelText(level: number): string {
  const short = (level * 100).toFixed(2);
  return `${Number(short) < 100 ? Number(short) : Number((level * 100).toFixed(5))} %`;
}
