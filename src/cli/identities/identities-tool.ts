import { textFlag } from '../../runtime/flags.ts';
import { exitCodes, type Tool, type ToolIo } from '../../runtime/tool.ts';
import { nameOf } from '../describe-leaf.ts';
import { connect } from '../cluster/connect.ts';
import { allNamespacesFlag, clusterFlags, driverNamesFlag, tableFlag } from '../flags.ts';
import { JsonList } from '../output/json-list.ts';
import { type Column, Table } from '../output/table.ts';
import { durationText } from '../output/time-text.ts';
import type { IdentityRow } from './identity-row.ts';
import { listIdentities, type ListIdentitiesOptions } from './list-identities.ts';

const flags = {
  ...clusterFlags,
  allNamespaces: allNamespacesFlag,
  node: textFlag({ placeholder: 'NAME', help: 'Only pods of this node.' }),
  driverNames: driverNamesFlag,
  output: tableFlag,
} as const;

export const identitiesTool: Tool<typeof flags> = {
  summary:
    'Lists identities: volumes of the driver, pod certificates, and Certificates in Secrets, with what they are named, who signed them, and when they end and are renewed.',
  flags,
  notes: ['Exit codes: 0 listed, 3 could not be found out, 64 wrong usage.'],
  async run({ values }, io) {
    await using cluster = await connect(values);
    const { allNamespaces, driverNames, node } = values;
    const namespace =
      allNamespaces || (node !== undefined && values.namespace === undefined)
        ? undefined
        : (values.namespace ?? cluster.namespace);
    const options: ListIdentitiesOptions = { namespace, node, driverNames };
    const { now, signal } = io;
    const warnings: string[] = [];
    const warn = (text: string): void => {
      warnings.push(text);
      io.err(`${text}\n`);
    };
    const rows = listIdentities(options, { cluster, now, signal, warn });
    if (values.output === 'json') await printJson(rows, warnings, io);
    else await printTable(rows, values.output === 'wide', io);
    return exitCodes.fine;
  },
};

/** What fails after rows were printed still leaves a document that says so. */
export async function printJson(
  rows: AsyncIterable<IdentityRow>,
  warnings: readonly string[],
  { out }: Pick<ToolIo, 'out'>,
): Promise<void> {
  const list = new JsonList('identities', out);
  try {
    for await (const row of rows) list.add(row);
  } catch (error) {
    if (list.isBegun) list.end({ warnings, error: (error as Error).message });
    throw error;
  }
  list.end({ warnings });
}

async function printTable(rows: AsyncIterable<IdentityRow>, wide: boolean, io: ToolIo): Promise<void> {
  const table = new Table(identityColumns(wide, io.now()), io.out);
  for await (const row of rows) table.add(row);
  if (!table.end()) io.err('No identities found.\n');
}

/** @param wide whether serial numbers are whole, and messages shown */
export function identityColumns(wide: boolean, now: number): Column<IdentityRow>[] {
  const until = (time: string | null): string => {
    if (time === null) return '-';
    const distance = Date.parse(time) - now;
    return distance < 0 ? `-${durationText(-distance)}` : durationText(distance);
  };
  const serial = (text: string): string => (wide || text.length <= 12 ? text : `${text.slice(0, 11)}…`);
  const columns: Column<IdentityRow>[] = [
    { title: 'NAMESPACE', text: ({ namespace }) => namespace },
    { title: 'POD', text: ({ object, pod }) => pod ?? `secret/${object}` },
    { title: 'VOLUME', text: ({ name, source }) => (source === 'secret' ? '-' : name) },
    { title: 'NODE', text: ({ node }) => node ?? '-' },
    { title: 'IDENTITY', text: (row) => nameOf({ ...row, subject: row.subject ?? '-' }) },
    { title: 'ISSUER', text: ({ issuer }) => issuer ?? '-' },
    { title: 'SERIAL', text: ({ serialNumber }) => (serialNumber === null ? '-' : serial(serialNumber)) },
    { title: 'EXPIRES', text: ({ notAfter }) => until(notAfter) },
    { title: 'RENEWS', text: ({ renewsBy }) => until(renewsBy) },
    { title: 'STATE', text: ({ state }) => state },
  ];
  return wide ? [...columns, { title: 'MESSAGE', text: ({ message }) => message ?? '' }] : columns;
}
