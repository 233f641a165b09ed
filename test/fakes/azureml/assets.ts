import {
  type Answer,
  type Asked,
  canonical,
  field,
  inView,
  meets,
  object,
  page,
  systemData,
  userError,
} from './answer.ts';

export interface Version {
  name: string;
  version: string;
  properties: Record<string, unknown>;
  createdAt: Date;
  changedAt: Date;
}

/** Code, data, environments, components and models of a workspace: containers of versions that do not change. */
export interface Assets {
  /** Answers what is asked of `/KIND…`; `undefined` for a kind that there is not. */
  answer(asked: Asked): Answer | undefined;
  version(kind: string, name: string, version: string): Version | undefined;
  /** The one made last. */
  latest(kind: string, name: string): Version | undefined;
  all(kind: string): Version[];
}

const KINDS = ['codes', 'data', 'environments', 'components', 'models'];
/** What is told of a version that was sent without it. */
const NEW = { tags: {}, properties: {}, isAnonymous: false, isArchived: false };
const NEW_CONTAINER = { tags: {}, properties: {}, isArchived: false };
const MUTABLE = new Set(['tags', 'description', 'isArchived']);

interface Container {
  properties: Record<string, unknown>;
  createdAt: Date;
  versions: Map<string, Version>;
}

export function openAssets(workspaceId: string, pageSize: number): Assets {
  const stores = new Map(KINDS.map((kind) => [kind, new Map<string, Container>()]));

  const shownContainer = (kind: string, name: string, { properties, createdAt, versions }: Container) => {
    const made = [...versions.keys()];
    const next = 1 + Math.max(0, ...made.map(Number).filter(Number.isInteger));
    return {
      id: `${workspaceId}/${kind}/${name}`,
      name,
      type: `Microsoft.MachineLearningServices/workspaces/${kind}`,
      properties: { ...properties, latestVersion: made.at(-1) ?? null, nextVersion: String(next) },
      systemData: systemData(createdAt),
    };
  };
  const shownVersion = (kind: string, { name, version, properties, createdAt, changedAt }: Version) => ({
    id: `${workspaceId}/${kind}/${name}/versions/${version}`,
    name: version,
    type: `Microsoft.MachineLearningServices/workspaces/${kind}/versions`,
    properties,
    systemData: systemData(createdAt, changedAt),
  });

  const ofContainer = (kind: string, store: Map<string, Container>, name: string, asked: Asked): Answer => {
    const found = store.get(name);
    if (asked.method === 'PUT') {
      const properties = { ...NEW_CONTAINER, ...object(field(asked.body, 'properties')) };
      const container = found ?? { properties, createdAt: new Date(), versions: new Map() };
      Object.assign(container.properties, object(field(asked.body, 'properties')));
      store.set(name, container);
      return { status: found === undefined ? 201 : 200, body: shownContainer(kind, name, container) };
    }
    if (found === undefined) return userError(404, `Asset with name ${name} (${kind}) is not found.`);
    if (asked.method === 'DELETE') return store.delete(name) ? { status: 200 } : { status: 204 };
    return { status: 200, body: shownContainer(kind, name, found) };
  };

  const put = (kind: string, store: Map<string, Container>, name: string, version: string, asked: Asked) => {
    if (kind === 'models' && !/^[1-9]\d{0,9}$/.test(version))
      return userError(400, `The model version ${version} is not an integer.`);
    const given = object(field(asked.body, 'properties'));
    const dataType = kind === 'data' ? { dataType: given['dataType'] } : {};
    const container = store.get(name) ?? {
      properties: { ...NEW_CONTAINER, ...dataType },
      createdAt: new Date(),
      versions: new Map<string, Version>(),
    };
    const before = container.versions.get(version);
    if (before !== undefined) {
      const changed = Object.entries(given).find(
        ([key, value]) => !MUTABLE.has(key) && canonical(value) !== canonical(before.properties[key] ?? null),
      );
      if (changed !== undefined)
        return userError(
          400,
          changed[0].endsWith('Uri')
            ? 'Asset paths cannot be updated.'
            : `The ${changed[0]} of ${kind} ${name}:${version} cannot be updated.`,
        );
    }
    const now = new Date();
    const made = { name, version, createdAt: now, properties: { ...NEW, ...given } };
    const stored: Version =
      before === undefined
        ? { ...made, changedAt: now }
        : { ...before, properties: { ...before.properties, ...given }, changedAt: now };
    container.versions.set(version, stored);
    store.set(name, container);
    return { status: before === undefined ? 201 : 200, body: shownVersion(kind, stored) };
  };

  const ofVersion = (
    kind: string,
    store: Map<string, Container>,
    [name, version]: [string, string],
    asked: Asked,
  ): Answer => {
    if (asked.method === 'PUT') return put(kind, store, name, version, asked);
    const found = store.get(name)?.versions.get(version);
    if (found === undefined)
      return userError(404, `Asset with name ${name} and version ${version} (${kind}) is not found.`);
    if (asked.method === 'DELETE')
      return { status: store.get(name)?.versions.delete(version) === true ? 200 : 204 };
    return { status: 200, body: shownVersion(kind, found) };
  };

  const listVersions = (kind: string, container: Container | undefined, asked: Asked): Answer => {
    const { query } = asked;
    const listed = Array.from(container?.versions.values() ?? []).filter(
      ({ properties, version }) =>
        inView(query, properties) &&
        (query.get('version') ?? version) === version &&
        meets(query.get('tags') ?? query.get('$tags'), properties['tags']) &&
        meets(query.get('properties'), properties['properties']),
    );
    // Newest first, unless the other way is asked for.
    const ascending = /\basc\b/i.test(query.get('$orderBy') ?? '');
    const sorted = ascending ? listed : listed.toReversed();
    return page(sorted.slice(Number(query.get('offset') ?? 0)), asked, pageSize, (one) =>
      shownVersion(kind, one),
    );
  };

  return {
    answer(asked) {
      const [kind = '', name, versions, version] = asked.parts;
      const store = stores.get(kind);
      if (store === undefined) return undefined;
      if (name === undefined) {
        const listed = [...store].filter(([, { properties }]) => inView(asked.query, properties));
        return page(listed, asked, pageSize, ([one, container]) => shownContainer(kind, one, container));
      }
      if (versions === undefined) return ofContainer(kind, store, name, asked);
      if (version === undefined) return listVersions(kind, store.get(name), asked);
      return ofVersion(kind, store, [name, version], asked);
    },
    version: (kind, name, version) => stores.get(kind)?.get(name)?.versions.get(version),
    latest: (kind, name) => [...(stores.get(kind)?.get(name)?.versions.values() ?? [])].at(-1),
    all: (kind) =>
      Array.from(stores.get(kind)?.values() ?? [], ({ versions }) => Array.from(versions.values())).flat(),
  };
}
