export { checkJobFile, jobFromFile, needsCallersToken } from './job-from-file.ts';
