export { openWorkingTree, type WorkingTree } from './working-tree.ts';
