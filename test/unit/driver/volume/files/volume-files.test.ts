import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  dataLink,
  generationName,
  type GenerationFiles,
} from '../../../../../src/driver/volume/files/generation.ts';
import {
  VolumeFiles,
  type VolumeFilesDependencies,
} from '../../../../../src/driver/volume/files/volume-files.ts';

const isRoot = process.getuid?.() === 0;
const now = (): Date => new Date('2026-11-22T06:53:01.789Z');
let volume: string;
let files: VolumeFiles;

beforeEach(() => {
  volume = fs.mkdtempSync(join(tmpdir(), 'certmount-files-'));
  files = new VolumeFiles({}, { fs, now });
});
afterEach(() => fs.rmSync(volume, { recursive: true, force: true }));

function generation(
  text: string,
  names: readonly string[] = ['tls.key', 'tls.crt', 'ca.crt'],
): GenerationFiles {
  return { files: new Map(names.map((name) => [name, `${text} of ${name}\n`])), group: undefined };
}

const list = (): string[] => fs.readdirSync(volume).sort();
const modeOf = (name: string): string => (fs.statSync(join(volume, name)).mode & 0o7777).toString(8);
const read = (name: string): string => fs.readFileSync(join(volume, name), 'utf8');
const broken = (changes: Partial<VolumeFilesDependencies['fs']>): VolumeFiles =>
  new VolumeFiles({}, { fs: { ...fs, ...changes }, now });

describe('writing a generation', () => {
  it("lays it out as the kubelet's atomic writer does", () => {
    files.write(volume, generation('one'));
    const data = fs.readlinkSync(join(volume, dataLink));
    assert.match(data, /^\.\.2026_11_22_06_53_01\.\w{6}$/);
    assert.deepEqual(list(), [data, '..data', 'ca.crt', 'tls.crt', 'tls.key'].sort());
    assert.equal(fs.readlinkSync(join(volume, 'tls.key')), '..data/tls.key');
    assert.equal(read('tls.key'), 'one of tls.key\n');
    assert.equal(files.read(volume, 'tls.key'), 'one of tls.key\n');
  });

  it('has mode 0440 for files and 0550 for the folder, whatever the umask', () => {
    const before = process.umask(0o777);
    try {
      files.write(volume, generation('one'));
    } finally {
      process.umask(before);
    }
    assert.equal(modeOf('tls.key'), '440');
    assert.equal(modeOf('..data'), '550');
  });

  it('never lets anybody but its owner open a file before it has its group', () => {
    const before = process.umask(0);
    const seen: string[] = [];
    const watching = broken({
      writeFileSync: ((file: number, text: string) => {
        seen.push((fs.fstatSync(file).mode & 0o777).toString(8));
        fs.writeFileSync(file, text);
      }) as typeof fs.writeFileSync,
    });
    try {
      watching.write(volume, generation('one'));
      watching.savePending(volume, 'key');
    } finally {
      process.umask(before);
    }
    assert.deepEqual(new Set(seen), new Set(['400']));
    assert.equal(modeOf('..pending'), '400');
  });

  it(
    'gives volume, folder and files to the group',
    { skip: !isRoot && 'only root can give files away' },
    () => {
      files.write(volume, { ...generation('one'), group: 4711 });
      for (const name of ['.', '..data', 'tls.key', 'tls.crt', 'ca.crt']) {
        const { gid, uid } = fs.statSync(join(volume, name));
        assert.deepEqual({ gid, uid }, { gid: 4711, uid: 0 }, name);
      }
      assert.equal(modeOf('tls.key'), '440');
      assert.equal(modeOf('..data'), '550');
    },
  );

  it('replaces the one before and leaves nothing of it', () => {
    files.write(volume, generation('one'));
    const first = fs.readlinkSync(join(volume, dataLink));
    files.write(volume, generation('two'));
    const second = fs.readlinkSync(join(volume, dataLink));
    assert.notEqual(first, second);
    assert.deepEqual(
      list().filter((name) => generationName.test(name)),
      [second],
    );
    assert.equal(read('ca.crt'), 'two of ca.crt\n');
  });

  it('removes names that the new one does not have, and adds those that it has', () => {
    files.write(volume, generation('one', ['tls.key', 'tls.crt', 'ca.crt']));
    files.write(volume, generation('two', ['tls.key', 'tls.crt', 'bundle.pem']));
    assert.deepEqual(
      list().filter((name) => !name.startsWith('..')),
      ['bundle.pem', 'tls.crt', 'tls.key'],
    );
    assert.equal(read('bundle.pem'), 'two of bundle.pem\n');
  });

  it('clears up after a writer that was killed', () => {
    files.write(volume, generation('one'));
    const half = '..2026_11_22_06_50_00.abcdef';
    fs.mkdirSync(join(volume, half));
    fs.writeFileSync(join(volume, half, 'tls.key'), 'half');
    fs.chmodSync(join(volume, half), 0o550);
    fs.symlinkSync(half, join(volume, '..data_tmp'));
    files.write(volume, generation('two'));
    assert.equal(list().length, 5);
    assert.equal(read('tls.key'), 'two of tls.key\n');
  });

  it('removes leftovers, but not the present generation nor the pending key', () => {
    files.write(volume, generation('one'));
    files.savePending(volume, 'key');
    fs.mkdirSync(join(volume, '..2026_11_22_06_50_00.abcdef'));
    files.removeLeftovers(volume);
    assert.equal(list().length, 6);
    assert.equal(files.readPending(volume), 'key');
    assert.equal(read('tls.key'), 'one of tls.key\n');
  });
});

describe('a generation that cannot be written', () => {
  const noSpace = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };

  for (const call of [
    'mkdtempSync',
    'openSync',
    'writeFileSync',
    'fchmodSync',
    'chmodSync',
    'symlinkSync',
    'renameSync',
  ] as const) {
    it(`by ${call}: leaves the present one as it is and nothing of its own`, () => {
      files.write(volume, generation('one'));
      const before = list();
      assert.throws(() => broken({ [call]: noSpace }).write(volume, generation('two')), /ENOSPC/);
      assert.equal(read('tls.key'), 'one of tls.key\n');
      assert.deepEqual(
        list().filter((name) => name !== '..data_tmp'),
        before,
      );
      files.write(volume, generation('three'));
      assert.equal(read('tls.key'), 'three of tls.key\n');
      assert.equal(list().length, before.length);
    });
  }

  it('is never taken for whole when the file system takes only a part of a write', () => {
    const full = broken({
      // What a tmpfs with a page left does to one write(2).
      writeSync: ((file: number, data: string | Buffer) =>
        fs.writeSync(file, String(data).slice(0, 4))) as typeof fs.writeSync,
    } as Partial<VolumeFilesDependencies['fs']>);
    full.write(volume, generation('one'));
    full.savePending(volume, 'a whole key');
    assert.equal(read('tls.key'), 'one of tls.key\n');
    assert.equal(files.readPending(volume), 'a whole key');
  });
});

describe('a pending key', () => {
  it('is replaced, read back and removed', () => {
    assert.equal(files.readPending(volume), undefined);
    files.removePending(volume);
    files.savePending(volume, 'one');
    files.savePending(volume, 'two');
    assert.equal(files.readPending(volume), 'two');
    files.removePending(volume);
    assert.deepEqual(list(), []);
  });
});

describe('reading', () => {
  it('knows what is not there from what cannot be read', () => {
    assert.equal(files.read(volume, 'tls.key'), undefined);
    fs.mkdirSync(join(volume, '..data'));
    fs.mkdirSync(join(volume, '..data', 'tls.key'));
    assert.throws(() => files.read(volume, 'tls.key'), /EISDIR/);
  });
});

describe('a reader in another process', () => {
  it('never sees parts of two generations through ..data, nor half a file, while they are replaced', async () => {
    files.write(volume, generation('0'));
    const reader = spawn(process.execPath, ['-e', readerProgram, volume], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    reader.stdout.setEncoding('utf8');
    const started = new Promise((resolve) => reader.stdout.once('data', resolve));
    await started;
    let report = '';
    reader.stdout.on('data', (text: string) => (report += text));
    for (let number = 1; number <= 1_500; number++) files.write(volume, generation(String(number)));
    reader.stdin.end('stop');
    await new Promise((resolve) => reader.once('close', resolve));
    const { reads, torn } = JSON.parse(report) as { reads: number; torn: string[] };
    assert.deepEqual(torn, []);
    assert.ok(reads > 100, `${reads} reads`);
  });
});

/** Resolves `..data` once, as a reader must that wants a set, and reads until standard input ends. */
const readerProgram = `
const fs = require('node:fs');
const volume = process.argv[1];
const torn = [];
let reads = 0;
let stop = false;
process.stdin.on('end', () => { stop = true; }).resume();
process.stdout.write('ready\\n');
(function round() {
  for (let i = 0; i < 50; i++) {
    try {
      const folder = volume + '/' + fs.readlinkSync(volume + '/..data');
      const texts = ['tls.key', 'tls.crt', 'ca.crt'].map((name) => [name, fs.readFileSync(folder + '/' + name, 'utf8')]);
      const number = texts[0][1].split(' ')[0];
      for (const [name, text] of texts) if (text !== number + ' of ' + name + '\\n') torn.push(text);
      reads++;
    } catch (error) {
      if (error.code !== 'ENOENT') torn.push(String(error));
    }
    try {
      const text = fs.readFileSync(volume + '/tls.key', 'utf8');
      if (!/^\\d+ of tls\\.key\\n$/.test(text)) torn.push(text);
    } catch (error) {
      // The folder that the link led to went between two steps of the path.
      if (error.code !== 'ENOENT') torn.push(String(error));
    }
  }
  if (stop) process.stdout.write(JSON.stringify({ reads, torn }));
  else setImmediate(round);
})();
`;
