export { mainBranch } from './main-branch.ts';
export { openWorkingTree, type WorkingTree } from './working-tree.ts';
