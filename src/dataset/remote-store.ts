import { failure } from '../errors.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import type { DatasetFile } from './manifest.ts';

/** Bytes of a file: from the first of them up to, and without, `to`. */
export interface ByteRange {
  from: number;
  to: number;
}

/** Data that lie elsewhere. */
export interface RemoteStore {
  /** For messages, and to tell two stores apart: a URL without anything secret. */
  readonly name: string;
  /** Whether it gives any range of a file; then several of one file are read at once. */
  readonly ranges: boolean;
  /** True once a listing has shown that the address names one file by itself, not a folder. */
  readonly isFile?: boolean;
  /** All files, each with what tells its content apart; not a byte of them is read. */
  list(signal?: AbortSignal): Promise<DatasetFile[]>;
  /**
   * Tries once to hand over bytes of a file exactly as it was listed. `take` is told the position of the first of them:
   * `range.from`, or 0 where the store gives whole files only; more than was asked for may come then. Throws
   * `remote-changed` when the store has another file there by now; whatever is no expected error broke off, and
   * `readRange` goes on.
   */
  read(
    file: DatasetFile,
    range: ByteRange,
    take: (body: AsyncIterable<Buffer>, first: number) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
}

/** Names remote data by what the store lists. Throws `dataset-empty`. */
export async function describeRemote(store: RemoteStore, signal?: AbortSignal): Promise<Dataset> {
  const files = await store.list(signal);
  if (files.length > 0) return datasetOf(files);
  throw failure('dataset-empty', `${store.name} holds no file`, 'Put the data there, or correct "data".');
}
