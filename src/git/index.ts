export { openWorkingTree } from './working-tree.ts';
