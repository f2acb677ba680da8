import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identityColumns, printJson } from '../../../../src/cli/identities/identities-tool.ts';
import type { IdentityRow } from '../../../../src/cli/identities/identity-row.ts';
import { csiIdentity } from '../../../../src/cli/identities/csi-identities.ts';
import { requestFacts } from '../../../../src/cli/identities/request-facts.ts';
import { JsonList } from '../../../../src/cli/output/json-list.ts';
import { type Column, Table } from '../../../../src/cli/output/table.ts';
import { distanceText, durationText } from '../../../../src/cli/output/time-text.ts';
import { csiVolume, issueLeaf, minute, noon, podWith, requestOf } from '../support/builders.ts';

const columns: Column<{ a: string; b: string }>[] = [
  { title: 'A', text: ({ a }) => a },
  { title: 'BEE', text: ({ b }) => b },
];

function printed(rows: readonly { a: string; b: string }[]): string[] {
  const lines: string[] = [];
  const table = new Table(columns, (text) => lines.push(text));
  for (const row of rows) table.add(row);
  table.end();
  return lines;
}

describe('a table', () => {
  it('has its columns under one another', () => {
    assert.deepEqual(
      printed([
        { a: 'long', b: 'x' },
        { a: 'y', b: '' },
      ]),
      ['A      BEE\n', 'long   x\n', 'y\n'],
    );
  });

  it('has a line for each row, whatever is in a cell', () => {
    assert.deepEqual(printed([{ a: 'denied\nweb   valid', b: 'x\r\n' }]).length, 2);
  });

  it('prints nothing when there is nothing', () => {
    assert.deepEqual(printed([]), []);
  });

  it('does not wait for the last row', () => {
    const lines: string[] = [];
    const table = new Table(columns, (text) => lines.push(text));
    for (let row = 0; row < 500; row += 1) table.add({ a: `${row}`, b: 'x' });
    assert.equal(lines.length, 501);
    table.add({ a: 'wider than all before', b: 'x' });
    assert.equal(lines.at(-1), 'wider than all before   x\n');
  });
});

describe('a list as JSON', () => {
  it('is one document, whatever its length', () => {
    for (const items of [[], [{ a: 1 }], [{ a: 1 }, { a: 2 }]]) {
      let text = '';
      const list = new JsonList('things', (more) => (text += more));
      for (const item of items) list.add(item);
      list.end({ warnings: ['w'] });
      assert.deepEqual(JSON.parse(text), { version: 1, things: items, warnings: ['w'] });
    }
  });

  it('is not begun before there is anything to say', async () => {
    async function* rowsThenError(...rows: unknown[]): AsyncGenerator<IdentityRow> {
      for (const row of rows) yield row as IdentityRow;
      return Promise.reject(new Error('away'));
    }
    let text = '';
    const out = (more: string): void => void (text += more);
    await assert.rejects(printJson(rowsThenError(), [], { out }), /away/);
    assert.equal(text, '');
    await assert.rejects(printJson(rowsThenError({ pod: 'a' }), ['w'], { out }), /away/);
    assert.deepEqual(JSON.parse(text), {
      version: 1,
      identities: [{ pod: 'a' }],
      warnings: ['w'],
      error: 'away',
    });
  });
});

describe('times', () => {
  it('are told in the two largest units', () => {
    const texts = [0, 999, 41_000, 124_000, 3_600_000, 3_660_500, 90_000_000, 8_640_000_000].map(
      durationText,
    );
    assert.deepEqual(texts, ['0s', '0s', '41s', '2m4s', '1h', '1h1m', '1d1h', '100d']);
    assert.equal(distanceText(noon + minute, noon), 'in 1m');
    assert.equal(distanceText(noon - minute, noon), '1m ago');
  });
});

describe('a row of an identity', () => {
  it('is short in the table and whole in the wide one', async () => {
    const present = requestFacts(requestOf({ leaf: await issueLeaf() }));
    const requests = { known: true, present, next: undefined } as const;
    const row = csiIdentity(podWith([csiVolume()]), csiVolume(), requests, undefined, noon + minute);
    const cells = (wide: boolean): string[] =>
      identityColumns(wide, noon + minute).map(({ text }) => text(row));
    assert.deepEqual(cells(false), [
      ...['web', 'api', 'certs', 'node-1', 'spiffe://cluster.local/ns/web/sa/api', 'ClusterIssuer/mesh'],
      ...[`${present.issued?.serialNumber.slice(0, 11)}…`, '59m', '39m', 'valid'],
    ]);
    assert.ok(cells(true).includes(present.issued?.serialNumber ?? ''));
  });
});
