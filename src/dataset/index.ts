export { describeDataset, type Dataset } from './local-files.ts';
export { datasetDifference, parseManifest, type DatasetDifference, type DatasetFile } from './manifest.ts';
