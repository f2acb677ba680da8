import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  parseVolumeRecord,
  type VolumeRecord,
  withoutTokens,
} from '../../../../../src/driver/volume/state/volume-record.ts';
import { validVolumeId, VolumeRecords } from '../../../../../src/driver/volume/state/volume-records.ts';
import { contextOf } from '../../support/builders.ts';

let parent: string;
let directory: string;
let records: VolumeRecords;

beforeEach(() => {
  parent = fs.mkdtempSync(join(tmpdir(), 'certmount-records-'));
  directory = join(parent, 'deep', 'volumes');
  records = new VolumeRecords({ directory }, { fs, fsPromises: fs.promises });
});
afterEach(() => fs.rmSync(parent, { recursive: true, force: true }));

function record(changes: Partial<VolumeRecord> = {}): VolumeRecord {
  return {
    version: 1,
    volumeId: 'csi-1',
    targetPath: '/pods/1/mount',
    context: contextOf(),
    mountGroup: undefined,
    request: 'api-0-abc',
    ...changes,
  };
}

const loaded = (): VolumeRecord[] =>
  records
    .load()
    .map((stored) => (stored.kind === 'record' ? stored.record : assert.fail(String(stored.error))));

describe('records of volumes', () => {
  it('come back as they were saved', async () => {
    const full = record({ mountGroup: 0 });
    await records.save(full);
    await records.save(record({ volumeId: 'csi-2' }));
    assert.deepEqual(loaded(), [full, record({ volumeId: 'csi-2' })]);
  });

  it("are their owner's alone", async () => {
    const umask = process.umask(0);
    try {
      records = new VolumeRecords({ directory: join(parent, 'other') }, { fs, fsPromises: fs.promises });
      await records.save(record());
    } finally {
      process.umask(umask);
    }
    assert.equal(fs.statSync(join(parent, 'other')).mode & 0o777, 0o700);
    assert.equal(fs.statSync(join(parent, 'other', 'csi-1.json')).mode & 0o777, 0o600);
  });

  it('are changed in part', async () => {
    await records.save(record());
    await records.update('csi-1', { request: 'api-0-def' });
    assert.deepEqual(loaded(), [record({ request: 'api-0-def' })]);
    await assert.rejects(records.update('csi-9', { request: 'x' }), /ENOENT/);
  });

  it('are told apart from a pipe, a folder and a file of gigabytes, which are not read', async () => {
    await records.save(record());
    execFileSync('mkfifo', [join(directory, 'csi-2.json')]);
    fs.mkdirSync(join(directory, 'csi-3.json'));
    fs.writeFileSync(join(directory, 'csi-4.json'), '');
    fs.truncateSync(join(directory, 'csi-4.json'), 8 * 2 ** 30);
    const kinds = records.load().map(({ kind }) => kind);
    assert.deepEqual(kinds, ['record', 'corrupt', 'corrupt', 'corrupt']);
  });

  it('are removed, also when they are not there', async () => {
    await records.save(record());
    records.remove('csi-1');
    records.remove('csi-1');
    assert.deepEqual(fs.readdirSync(directory), []);
  });

  it('stay as they were when a new one cannot be written, and nothing half written stays', async () => {
    await records.save(record());
    for (const call of ['writeFile', 'rename'] as const) {
      const failing = new VolumeRecords(
        { directory },
        {
          fs,
          fsPromises: {
            ...fs.promises,
            [call]: async (path: string) => {
              if (call === 'writeFile') fs.writeFileSync(path, '{"ver');
              throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
            },
          },
        },
      );
      await assert.rejects(failing.save(record({ request: 'other' })), /no space/);
      assert.deepEqual(fs.readdirSync(directory), ['csi-1.json']);
      assert.deepEqual(loaded(), [record()]);
    }
  });

  it('cannot be written outside of their folder', async () => {
    for (const volumeId of ['../x', 'a/b', '.', '..', '.hidden', '', 'a\0b', 'x'.repeat(129)]) {
      await assert.rejects(records.save(record({ volumeId })), /not a volume id/);
      assert.throws(() => records.remove(volumeId), /not a volume id/);
    }
    fc.assert(
      fc.property(fc.string(), (volumeId) => {
        if (validVolumeId.test(volumeId))
          assert.ok(!volumeId.includes('/') && !volumeId.startsWith('.') && volumeId.length <= 128);
      }),
    );
  });

  it('that are corrupt are told apart, the whole ones come all the same', async () => {
    await records.save(record());
    fs.writeFileSync(
      join(directory, 'csi-0.json'),
      JSON.stringify(record({ volumeId: 'csi-0' })).slice(0, -20),
    );
    fs.writeFileSync(join(directory, 'notes.txt'), 'of somebody else');
    const stored = records.load();
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['corrupt', 'record'],
    );
    const [corrupt] = stored;
    assert.ok(corrupt?.kind === 'corrupt');
    records.setAside(corrupt.file);
    assert.deepEqual(fs.readdirSync(directory), ['csi-0.json.corrupt', 'csi-1.json', 'notes.txt']);
    assert.deepEqual(loaded(), [record()]);
    records.remove('csi-0');
    assert.deepEqual(fs.readdirSync(directory), ['csi-1.json', 'notes.txt']);
  });
});

describe('parsing a record', () => {
  it('takes any text for a record or an error, nothing else', async () => {
    const value = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((object) => JSON.stringify(object)),
    );
    fc.assert(
      fc.property(value, (text) => {
        try {
          assert.equal(parseVolumeRecord(text).version, 1);
        } catch (error) {
          assert.ok(error instanceof TypeError || error instanceof SyntaxError);
        }
      }),
    );
  });

  it('says which field is wrong', async () => {
    const wrong = (changes: object): string => JSON.stringify({ ...record(), ...changes });
    assert.throws(() => parseVolumeRecord(wrong({ version: 7 })), /version 7 is not known/);
    assert.throws(() => parseVolumeRecord(wrong({ request: '' })), /request is not a text/);
    assert.throws(() => parseVolumeRecord(wrong({ targetPath: 3 })), /targetPath is not a text/);
    assert.throws(() => parseVolumeRecord(wrong({ mountGroup: 'wheel' })), /mountGroup is not a number/);
    assert.throws(() => parseVolumeRecord(wrong({ context: { a: 1 } })), /context is not a map of strings/);
  });
});

describe('tokens of the pod', () => {
  it('are taken out of what is stored', async () => {
    const key = 'csi.storage.k8s.io/serviceAccount.tokens';
    assert.deepEqual(withoutTokens({ a: 'b', [key]: '{"":{"token":"x"}}' }), { a: 'b' });
  });
});
