import { availableParallelism, cpus } from 'node:os';
import type { Measured, Table } from './benchmark.ts';

export interface Machine {
  cores: number;
  cpu: string;
  node: string;
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
  };
}

export const machineLine = ({ cores, cpu, node }: Machine): string => `${cores} cores, ${cpu}, Node ${node}`;

/** More than this and the figures say as much about the others as about us. */
const QUIET = 0.05;

export function othersLine(share: number): string {
  const line = `Other programs took ${(100 * share).toFixed(1)} % of the processors meanwhile`;
  return share > QUIET ? `${line}: TOO MUCH for these figures to mean anything; run it again.` : `${line}.`;
}

/** Tables, notes and what was wrong, as plain text. */
export function asText({ tables, notes, wrong }: Measured): string {
  const parts = [
    ...tables.map(tableText),
    notes.join('\n'),
    wrong.length === 0 ? '' : `WRONG:\n${wrong.map((line) => `  ${line}`).join('\n')}`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function tableText({ title, head, rows }: Table): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [title, ...[head, ...rows].map((row) => `  ${line(row)}`)].join('\n');
}
