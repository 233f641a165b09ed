import type { ParquetParsers, SchemaElement } from 'hyparquet';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';

/** How the values of a column are decoded, and their texts. */
export interface ParquetType {
  /** What the decoder is told of the column. */
  element: SchemaElement;
  /** Whether bytes without a type are text. */
  utf8: boolean;
  parsers: ParquetParsers;
  text(value: unknown): string;
}

type Unit = 'MILLIS' | 'MICROS' | 'NANOS';

const PER_SECOND: Record<Unit, bigint> = { MILLIS: 1000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n };
/** As hyparquet decodes them: into objects, or not at all. */
const NO_TEXT = new Set(['BSON', 'INTERVAL', 'GEOMETRY', 'GEOGRAPHY', 'VARIANT']);

/**
 * The type of a flat column (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md): numbers as
 * String(value), decimals with all their digits, dates and times as Python's isoformat() writes them. `undefined` for one
 * whose values have no text.
 */
export function parquetType(element: SchemaElement): ParquetType | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (NO_TEXT.has(logical?.type ?? '') || NO_TEXT.has(converted ?? '')) return undefined;
  const parsers: ParquetParsers = { ...DEFAULT_PARSERS, ...timeParsers(element), ...textParsers };
  const plain = { element, utf8: true, parsers, text: plainText };
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
    return {
      ...plain,
      element: withoutType(element),
      utf8: false,
      text: (value) => decimalText(value, scale),
    };
  }
  const unit = timeUnit(element);
  if (unit !== undefined) return { ...plain, text: (value) => timeText(value, unit) };
  // Files of some writers lack the older of the two annotations, which is the one that is decoded.
  if (logical?.type === 'DATE') return { ...plain, element: { ...element, converted_type: 'DATE' } };
  const known = logical?.type === 'UUID' || logical?.type === 'FLOAT16';
  return type === 'FIXED_LEN_BYTE_ARRAY' && !known ? undefined : plain;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const textParsers: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => decoder.decode(bytes),
  jsonFromBytes: (bytes) => decoder.decode(bytes),
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

function timeParsers({
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): Partial<ParquetParsers> {
  const zoned = logical?.type === 'TIMESTAMP' ? logical.isAdjustedToUTC : converted !== undefined;
  return {
    timestampFromMilliseconds: (value) => dateTime(BigInt(value), 'MILLIS', zoned),
    timestampFromMicroseconds: (value) => dateTime(BigInt(value), 'MICROS', zoned),
    timestampFromNanoseconds: (value) => dateTime(BigInt(value), 'NANOS', zoned),
  };
}

function timeUnit({ converted_type: converted, logical_type: logical }: SchemaElement): Unit | undefined {
  if (logical?.type === 'TIME') return logical.unit;
  if (converted === 'TIME_MILLIS') return 'MILLIS';
  return converted === 'TIME_MICROS' ? 'MICROS' : undefined;
}

function dateTime(value: bigint, unit: Unit, zoned: boolean): string {
  const per = PER_SECOND[unit];
  const fraction = ((value % per) + per) % per;
  const seconds = (value - fraction) / per;
  const whole = new Date(Number(seconds) * 1000).toISOString().replace('.000Z', '');
  return `${whole}${fractionText(fraction, unit)}${zoned ? '+00:00' : ''}`;
}

function timeText(value: unknown, unit: Unit): string {
  if (typeof value !== 'number' && typeof value !== 'bigint') return '';
  const day = 86_400n * PER_SECOND[unit];
  return dateTime(BigInt(value) % day, unit, false).slice('1970-01-01T'.length);
}

/** Nothing for none, six digits, or nine where there are nanoseconds. */
function fractionText(fraction: bigint, unit: Unit): string {
  if (fraction === 0n) return '';
  const digits = (fraction * (1_000_000_000n / PER_SECOND[unit])).toString().padStart(9, '0');
  return `.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

function plainText(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function decimalText(value: unknown, scale: number): string {
  const unscaled = value instanceof Uint8Array ? signed(value) : value;
  if (typeof unscaled !== 'number' && typeof unscaled !== 'bigint') return '';
  const digits = String(unscaled < 0 ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return unscaled < 0 ? `-${text}` : text;
}

/** Two's complement, big-endian. */
function signed(bytes: Uint8Array): bigint {
  const value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  return BigInt.asIntN(8 * bytes.length, value);
}

function withoutType(element: SchemaElement): SchemaElement {
  const { converted_type: _, logical_type: __, ...rest } = element;
  return rest;
}
