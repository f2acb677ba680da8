import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { VolumeReport } from '../../../../src/api/volume-report.ts';
import { reportVolumes } from '../../../../src/driver/inspect/report-volumes.ts';
import { renderGeneration } from '../../../../src/driver/volume/files/render-generation.ts';
import { VolumeFiles } from '../../../../src/driver/volume/files/volume-files.ts';
import { VolumeRecords } from '../../../../src/driver/volume/state/volume-records.ts';
import { fingerprint } from '../../../../src/pki/index.ts';
import { makeIssued } from '../support/issued.ts';
import { removeTree } from '../support/remove-tree.ts';
import { specOf } from '../support/builders.ts';

const pod = (name: string): Record<string, string> => ({
  'csi.storage.k8s.io/pod.name': name,
  'csi.storage.k8s.io/pod.namespace': 'web',
  'csi.storage.k8s.io/pod.uid': `uid-of-${name}`,
  'csi.storage.k8s.io/serviceAccount.name': 'api',
});

describe('the report of a node', () => {
  let root: string;
  let records: VolumeRecords;
  let time = new Date('2026-11-22T06:53:01Z');
  const [state, target] = ['state', 'target'].map((name) => () => join(root, name)) as [
    () => string,
    () => string,
  ];

  before(() => {
    root = fs.mkdtempSync(join(tmpdir(), 'certmount-inspect-'));
    fs.mkdirSync(target());
    records = new VolumeRecords({ directory: state() }, { fs, fsPromises: fs.promises });
  });
  after(() => removeTree(root));

  async function save(name: string, targetPath: string, context = {}): Promise<void> {
    const known = { ...pod(name), ...context };
    const record = {
      volumeId: `csi-${name}`,
      targetPath,
      context: known,
      mountGroup: undefined,
      request: 'r',
    };
    await records.save({ version: 1, ...record });
  }

  async function write(attributes: Record<string, string> = {}, at = target()) {
    const spec = specOf(attributes, at);
    const issued = await makeIssued();
    const files = new VolumeFiles({}, { fs, now: () => time });
    const renewAt = Date.parse('2026-11-22T12:40:00Z');
    const context = { generation: 1, renewAt, password: undefined };
    files.write(at, { ...renderGeneration(spec, issued.key, issued, context), group: undefined });
    return issued;
  }

  const reportOf = (name: string): VolumeReport => {
    const { volumes } = reportVolumes(state(), `uid-of-${name}`, { fs });
    assert.equal(volumes.length, 1);
    return volumes[0] ?? assert.fail();
  };

  it('has what is in the volume, what was before, and no key', async () => {
    await save('api', target());
    assert.deepEqual([reportOf('api').present, reportOf('api').problem], [null, null]);
    const first = await write();
    time = new Date('2026-11-22T07:53:01Z');
    const second = await write();
    const { pod: owner, present, previous } = reportOf('api');
    assert.deepEqual(owner, { namespace: 'web', name: 'api', uid: 'uid-of-api', serviceAccount: 'api' });
    assert.equal(present?.fingerprint, fingerprint(second.chain[0].der));
    assert.equal(previous?.fingerprint, fingerprint(first.chain[0].der));
    assert.deepEqual(
      [present?.writtenAt, previous?.writtenAt, present?.renewAt],
      ['2026-11-22T07:53:01Z', '2026-11-22T06:53:01Z', '2026-11-22T12:40:00Z'],
    );
    assert.deepEqual(
      present?.anchors.map(({ fingerprint: digest }) => digest),
      second.anchors.map(({ der }) => fingerprint(der)),
    );
    assert.doesNotMatch(JSON.stringify(reportVolumes(state(), undefined, { fs })), /PRIVATE|BEGIN/);
  });

  it('reads the layout of another driver, which has no file about the certificate', async () => {
    const folder = join(root, 'other');
    fs.mkdirSync(folder);
    await save('other', folder, { 'csi.cert-manager.io/certificate-file': 'mine.crt' });
    const issued = await write({ 'certificate-file': 'mine.crt' }, folder);
    const generation = join(folder, fs.readlinkSync(join(folder, '..data')));
    fs.chmodSync(generation, 0o700);
    fs.rmSync(join(generation, 'certificate.json'));
    const { present } = reportOf('other');
    assert.equal(present?.fingerprint, fingerprint(issued.chain[0].der));
    assert.equal(present?.spiffeId, 'spiffe://cluster.local/ns/web/sa/api');
    assert.equal(present?.renewAt, null);
    assert.equal(present?.anchors.length, 1);
  });

  it('tells of a volume that cannot be read, and passes over what is no record', async () => {
    await save('gone', join(root, 'none'));
    assert.match(reportOf('gone').problem ?? '', /ENOENT/);
    fs.writeFileSync(join(state(), 'broken.json'), '{');
    fs.writeFileSync(join(state(), 'csi-half.json.tmp'), '{');
    assert.equal(reportVolumes(state(), undefined, { fs }).volumes.length, 3);
    assert.ok(fs.existsSync(join(state(), 'csi-half.json.tmp')), 'the driver is writing it');
  });
});
