/**
 * One scope list that grants what several grant, each `type:name:actions` once (distribution, "Token Scope
 * Documentation"). Lists are separated by spaces.
 */
export function mergeScopes(...lists: (string | undefined)[]): string {
  const actionsOf = new Map<string, Set<string>>();
  for (const scope of lists.flatMap((list) => (list ?? '').split(' ')).filter(Boolean)) {
    // The name may hold a port, and so colons of its own.
    const end = scope.lastIndexOf(':');
    const resource = end < 0 ? scope : scope.slice(0, end);
    const actions = actionsOf.get(resource) ?? new Set();
    if (end >= 0) for (const action of scope.slice(end + 1).split(',')) actions.add(action);
    actionsOf.set(resource, actions);
  }
  return [...actionsOf]
    .map(([resource, actions]) => [resource, ...(actions.size > 0 ? [[...actions].join(',')] : [])].join(':'))
    .join(' ');
}
