/** What the stand-in answers. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What it was asked, below the workspace. */
export interface Asked {
  method: string;
  /** `/jobs/churn-1`, decoded part by part. */
  parts: string[];
  query: URLSearchParams;
  body: unknown;
  /** Where the stand-in is: `https://127.0.0.1:PORT`. */
  url: string;
  /** Path without its query, as it came. */
  path: string;
}

/** An error in the form of Azure Resource Manager. */
export function armError(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

/** An error of the machine learning service behind it, which calls all that a caller did wrong `UserError`. */
export const userError = (status: number, message: string): Answer => armError(status, 'UserError', message);

/** Any object's property; nothing of anything else. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}

export function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The same whatever the order of its properties, without those that are null. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    const entries = Object.entries(one).filter(([, inner]) => inner !== null);
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** One page of a listing, and the link to the next. */
export function page<T>(all: T[], asked: Asked, size: number, shown: (one: T) => unknown): Answer {
  const top = Number(asked.query.get('$top') ?? size);
  const skip = Number(asked.query.get('$skip') ?? 0);
  const value = all.slice(skip, skip + top).map(shown);
  const next = new URLSearchParams(asked.query);
  next.set('$skip', String(skip + top));
  const more = skip + top < all.length;
  return { status: 200, body: { value, ...(more && { nextLink: `${asked.url}${asked.path}?${next}` }) } };
}

/** Whether `a,b=c` is met: all of these keys, with these values where one is named. */
export function meets(wanted: string | null, has: unknown): boolean {
  return (wanted ?? '')
    .split(',')
    .filter((one) => one !== '')
    .every((one) => {
      const [key = '', value] = one.split('=');
      const found = field(has, key);
      return value === undefined ? found !== undefined : found === value;
    });
}

/** Whether the listing is to show it (`listViewType`). */
export function inView(query: URLSearchParams, properties: unknown): boolean {
  const view = query.get('listViewType') ?? 'ActiveOnly';
  return view === 'All' || (field(properties, 'isArchived') === true) === (view === 'ArchivedOnly');
}

/** Who did it and when, as ARM tells it. */
export function systemData(createdAt: Date, changedAt = createdAt): object {
  const by = { createdBy: 'edgeloop', createdByType: 'Application' };
  const last = { lastModifiedBy: 'edgeloop', lastModifiedByType: 'Application' };
  return { createdAt: createdAt.toISOString(), ...by, lastModifiedAt: changedAt.toISOString(), ...last };
}
