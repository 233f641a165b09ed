import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** One import that breaks a rule of the house (DESIGN §3): who may know whom. */
export interface Violation {
  file: string;
  line: number;
  specifier: string;
  rule: string;
}

type Room = { kind: 'entry' | 'loop' | 'adapter' | 'domain' | 'agent' | 'everyone'; name: string };

const ENTRIES = new Set(['actions', 'cli']);
const ADAPTERS = new Set(['git', 'github', 'azure']);

/** Checks every source file below `root`; tests may import what they test. */
export function checkImports(root: string): Violation[] {
  const files = globSync('{src,edge-agent}/**/*.ts', { cwd: root }).filter(
    (file) => !file.endsWith('.test.ts'),
  );
  const violations: Violation[] = [];
  const domainImports = new Map<string, Set<string>>();
  for (const file of files.toSorted()) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const { specifier, offset } of importsOf(file, text)) {
      const target = specifier.startsWith('.')
        ? relative(root, resolve(root, dirname(file), specifier)).replaceAll('\\', '/')
        : undefined;
      const rule = brokenRule(file, specifier, target);
      const line = text.slice(0, offset).split('\n').length;
      if (rule !== undefined) violations.push({ file, line, specifier, rule });
      noteDomains(domainImports, file, target);
    }
  }
  return [...violations, ...circles(domainImports)];
}

/** Where a file stands. */
export function roomOf(path: string): Room {
  const [top, name = '', ...rest] = path.split('/');
  if (top === 'edge-agent') return { kind: 'agent', name: rest.length > 0 ? name : '' };
  if (top !== 'src' || rest.length === 0) return { kind: 'everyone', name };
  if (ENTRIES.has(name)) return { kind: 'entry', name };
  if (ADAPTERS.has(name)) return { kind: 'adapter', name };
  return { kind: name === 'loop' ? 'loop' : 'domain', name };
}

function brokenRule(file: string, specifier: string, target: string | undefined): string | undefined {
  const from = roomOf(file);
  if (target === undefined) {
    if (specifier.startsWith('@actions/') && file.split('/')[1] !== 'actions')
      return 'only src/actions knows @actions/*';
    if (specifier === 'onnxruntime-node' && from.name !== 'onnx') return 'only src/onnx runs ONNX Runtime';
    return undefined;
  }
  const to = roomOf(target);
  if (to.kind === 'everyone') return undefined;
  if (from.kind === 'everyone') return 'what lies in src/ for everyone knows no room';
  if (from.name === to.name && from.kind === to.kind) return undefined;
  if (to.kind === 'entry') return 'nothing imports an entry';
  if (to.kind === 'domain' && !target.endsWith('/index.ts'))
    return "a room is entered through its index.ts, never another's insides";
  if (from.kind === 'domain' && to.kind !== 'domain') return `a domain knows no ${to.kind}`;
  if (from.kind === 'adapter' && to.kind !== 'domain')
    return 'an adapter knows the domains whose interfaces it implements';
  if (from.kind === 'agent' && (to.kind === 'adapter' || to.kind === 'loop'))
    return `the agent knows no ${to.kind}`;
  if (from.kind === 'entry' && to.kind === 'adapter') return 'adapters are chosen in loop';
  if (from.kind === 'loop' && to.kind === 'agent') return 'the loop reaches devices through channels only';
  return undefined;
}

function importsOf(file: string, text: string): { specifier: string; offset: number }[] {
  const { module, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest])),
  );
  const written = [...module.staticImports.map(({ moduleRequest }) => moduleRequest), ...exported];
  const computed = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    value: text.slice(start, end).replaceAll(/['"`]/g, ''),
    start,
  }));
  return [...written, ...computed].map(({ value, start }) => ({ specifier: value, offset: start }));
}

function noteDomains(graph: Map<string, Set<string>>, file: string, target: string | undefined): void {
  const [from, to] = [roomOf(file), target === undefined ? undefined : roomOf(target)];
  if (from.kind !== 'domain' || to?.kind !== 'domain' || from.name === to.name) return;
  graph.set(from.name, (graph.get(from.name) ?? new Set()).add(to.name));
}

function circles(graph: Map<string, Set<string>>): Violation[] {
  const found: Violation[] = [];
  const visit = (name: string, path: string[]) => {
    if (path[0] === name && path.length > 0) {
      found.push({
        file: `src/${name}`,
        line: 1,
        specifier: [...path, name].join(' -> '),
        rule: 'domains never form a circle',
      });
    }
    if (path.includes(name)) return;
    for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
  };
  for (const name of graph.keys()) visit(name, []);
  return found;
}

if (import.meta.main) {
  const violations = checkImports(resolve(import.meta.dirname, '..'));
  for (const { file, line, specifier, rule } of violations)
    console.error(`${file}:${line}: imports ${specifier}: ${rule}`);
  if (violations.length > 0) process.exitCode = 1;
}
