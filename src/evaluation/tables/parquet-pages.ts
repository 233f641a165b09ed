import type { FileHandle } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { ColumnMetaData, Compressors, DecodedArray, SchemaTree } from 'hyparquet';
import { parquetHeader, readPage } from 'hyparquet/src/column.js';
import { convert } from 'hyparquet/src/convert.js';
import type { ParquetType } from './parquet-types.ts';

type Decoder = Parameters<typeof readPage>[2];

const SMALL_HEADER = 4096;

const COMPRESSORS: Compressors = {
  GZIP: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (bytes, size) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
};

/** The codecs of the pages that can be read; hyparquet brings snappy itself. */
export const PARQUET_CODECS: ReadonlySet<string> = new Set([
  'UNCOMPRESSED',
  'SNAPPY',
  ...Object.keys(COMPRESSORS),
]);

/**
 * The decoded values of one column of one row group, page by page, so that never more than a page (by the writers'
 * defaults a megabyte, or 20,000 rows) and the dictionary are held. Throws plain errors for bytes that are not Parquet.
 */
export async function* pagesOf(
  handle: FileHandle,
  chunk: ColumnMetaData,
  schema: readonly [SchemaTree, SchemaTree],
  type: ParquetType,
): AsyncGenerator<DecodedArray> {
  const { element, parsers, utf8 } = type;
  const decoder: Decoder = {
    pathInSchema: chunk.path_in_schema,
    type: chunk.type,
    element,
    schemaPath: [...schema],
    codec: chunk.codec,
    compressors: COMPRESSORS,
    parsers,
    utf8,
  };
  let at = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const end = at + Number(chunk.total_compressed_size);
  let left = Number(chunk.num_values);
  let dictionary: DecodedArray | undefined;
  while (left > 0) {
    const { header, bytes } = await headerAt(handle, at, end);
    at += bytes;
    if (!(header.compressed_page_size >= 0 && at + header.compressed_page_size <= end))
      throw new Error(`a page of ${header.compressed_page_size} bytes does not fit into its column`);
    const body = { view: await bytesAt(handle, at, header.compressed_page_size), offset: 0 };
    at += header.compressed_page_size;
    if (header.type === 'INDEX_PAGE') continue;
    const { data } = readPage(body, header, decoder, dictionary, undefined, 0);
    if (header.type === 'DICTIONARY_PAGE') {
      dictionary = data && convert(data, decoder);
      continue;
    }
    if (data === undefined || data.length === 0) throw new Error('a page holds no values');
    left -= data.length;
    yield data;
  }
}

/** A header has no fixed size: it may carry a text as the page's greatest value. */
async function headerAt(
  handle: FileHandle,
  at: number,
  end: number,
): Promise<{ header: ReturnType<typeof parquetHeader>; bytes: number }> {
  for (let size = SMALL_HEADER; ; size *= 16) {
    const length = Math.max(0, Math.min(size, end - at));
    const reader = { view: await bytesAt(handle, at, length), offset: 0 };
    try {
      return { header: parquetHeader(reader), bytes: reader.offset };
    } catch (error) {
      if (length < size) throw error;
    }
  }
}

/** Throws when the file has fewer. */
export async function bytesAt(
  handle: FileHandle,
  at: number,
  length: number,
): Promise<DataView<ArrayBuffer>> {
  const view = new DataView(new ArrayBuffer(length));
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(view, filled, length - filled, at + filled);
    if (bytesRead === 0) throw new Error(`the file ends before byte ${at + length}`);
    filled += bytesRead;
  }
  return view;
}
