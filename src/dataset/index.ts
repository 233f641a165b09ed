export type { Dataset } from './dataset.ts';
export { downloadRemote } from './download.ts';
export { openHttpFolder } from './http-folder.ts';
export { describeFiles, type ReadOptions } from './local-files.ts';
export { datasetDifference, parseManifest, type DatasetDifference, type DatasetFile } from './manifest.ts';
export { provideFiles } from './provide.ts';
export { describeRemote, type RemoteStore } from './remote-store.ts';
export { type RemoteSample, sampleRemote } from './sample-remote.ts';
export { describeStored, type StoredEntry, type StoredPath, type TreeReader } from './stored-tree.ts';
