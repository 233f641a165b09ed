import type { ModelSignature, TensorSpec } from '../onnx/index.ts';

export type Level = 'major' | 'minor' | 'patch';

/** One reason for a version bump, in words. */
export interface Change {
  level: Level;
  reason: string;
}

/**
 * What a client notices when `after` answers in the place of `before`: major where it breaks, minor where something
 * was only added. The order of inputs and outputs and the names of dynamic dimensions are not noticed.
 */
export function signatureChanges(before: ModelSignature, after: ModelSignature): Change[] {
  return [
    ...sideChanges('input', before.inputs, after.inputs),
    ...sideChanges('output', before.outputs, after.outputs),
    ...labelChanges(before.labels, after.labels),
  ];
}

function sideChanges(side: 'input' | 'output', before: TensorSpec[], after: TensorSpec[]): Change[] {
  const old = new Map(before.map((spec) => [spec.name, spec]));
  const names = new Set(after.map((spec) => spec.name));
  const removed = before
    .filter((spec) => !names.has(spec.name))
    .map((spec): Change => ({ level: 'major', reason: `${side} "${spec.name}" was removed` }));
  const others = after.flatMap((spec): Change[] => {
    const previous = old.get(spec.name);
    if (previous !== undefined) return specChanges(side, previous, spec);
    if (side === 'output') return [{ level: 'minor', reason: `output "${spec.name}" was added` }];
    return spec.optional === true
      ? [{ level: 'minor', reason: `optional input "${spec.name}" was added` }]
      : [{ level: 'major', reason: `required input "${spec.name}" was added` }];
  });
  return [...removed, ...others];
}

function specChanges(side: string, before: TensorSpec, after: TensorSpec): Change[] {
  const name = `${side} "${before.name}"`;
  const changes: Change[] = [];
  if (before.dataType !== after.dataType) {
    changes.push({ level: 'major', reason: `${name} changed from ${before.dataType} to ${after.dataType}` });
  }
  if (before.optional === true && after.optional !== true) {
    changes.push({ level: 'major', reason: `${name} is no longer optional` });
  }
  if (before.optional !== true && after.optional === true) {
    changes.push({ level: 'minor', reason: `${name} became optional` });
  }
  if (before.shape.length !== after.shape.length) {
    return [
      ...changes,
      { level: 'major', reason: `${name} changed from rank ${before.shape.length} to ${after.shape.length}` },
    ];
  }
  for (const [axis, size] of before.shape.entries()) {
    const now = after.shape[axis] ?? null;
    if (size === now) continue;
    const reason = `${name}, dimension ${axis}: ${size ?? 'dynamic'} became ${now ?? 'dynamic'}`;
    changes.push({ level: now === null ? 'minor' : 'major', reason });
  }
  return changes;
}

function labelChanges(before: ModelSignature['labels'], after: ModelSignature['labels']): Change[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ level: 'major', reason: `labels changed from ${words(before)} to ${words(after)}` }];
}

function words(labels: ModelSignature['labels']): string {
  return labels === undefined ? 'none' : labels.join(', ');
}
