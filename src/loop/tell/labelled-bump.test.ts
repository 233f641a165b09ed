import { expect, it } from 'vitest';
import { bumpOfLabels } from './labelled-bump.ts';

it.each([
  [[], undefined],
  [['bug', 'major', 'edgeloop:train', 'edgeloop:majority'], undefined],
  [['edgeloop:minor', 'bug'], 'minor'],
  [['edgeloop:minor', 'edgeloop:major'], 'major'],
])('the labels %j ask for %s', (labels, level) => {
  expect(bumpOfLabels(labels)).toBe(level);
});
