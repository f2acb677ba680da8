import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
import { Killed, Lifeline } from '../../support/lifeline.ts';
import { removeTree } from '../../support/remove-tree.ts';

const isRoot = process.getuid?.() === 0;
const now = (): Date => new Date('2026-11-22T06:53:01.789Z');
let volume: string;
let files: VolumeFiles;

beforeEach(() => {
  volume = fs.mkdtempSync(join(tmpdir(), 'certmount-files-'));
  files = new VolumeFiles({}, { fs, now });
});
afterEach(() => removeTree(volume));

function generation(
  text: string,
  names: readonly string[] = ['tls.key', 'tls.crt', 'ca.crt'],
): GenerationFiles {
  return { files: new Map(names.map((name) => [name, `${text} of ${name}\n`])), group: undefined };
}

const list = (): string[] => fs.readdirSync(volume).sort();
const generations = (): string[] => list().filter((name) => generationName.test(name));
const names = (): string[] => list().filter((name) => !name.startsWith('..'));
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
    // Only root can open what nobody may open.
    const before = process.umask(isRoot ? 0o777 : 0o077);
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

  it('replaces the one before, which stays until the next write for those who still read it', () => {
    files.write(volume, generation('one'));
    const first = fs.readlinkSync(join(volume, dataLink));
    files.write(volume, generation('two'));
    const second = fs.readlinkSync(join(volume, dataLink));
    assert.deepEqual(generations(), [first, second].sort());
    assert.equal(read('ca.crt'), 'two of ca.crt\n');
    assert.equal(fs.readFileSync(join(volume, first, 'ca.crt'), 'utf8'), 'one of ca.crt\n');
    files.write(volume, generation('three'));
    assert.deepEqual(generations(), [second, fs.readlinkSync(join(volume, dataLink))].sort());
  });

  it('takes binary content as it is', () => {
    const octets = Uint8Array.from({ length: 256 }, (_, octet) => octet);
    files.write(volume, { files: new Map([['key.der', octets]]), group: undefined });
    assert.deepEqual(new Uint8Array(fs.readFileSync(join(volume, 'key.der'))), octets);
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

  it('may have no file at all', () => {
    files.write(volume, generation('one', []));
    assert.deepEqual(names(), []);
    assert.notEqual(files.writtenAt(volume), undefined);
    files.write(volume, generation('two'));
    assert.deepEqual(names(), ['ca.crt', 'tls.crt', 'tls.key']);
  });

  it('leaves alone what is not a name of its own: sockets, files, folders and other links', () => {
    files.write(volume, generation('one', ['tls.key', 'old.pem']));
    const socket = join(volume, 'workload-api.sock');
    fs.writeFileSync(socket, 'a socket');
    fs.mkdirSync(join(volume, 'folder'));
    fs.symlinkSync('/elsewhere', join(volume, 'link'));
    files.write(volume, generation('two', ['tls.key']));
    files.removeLeftovers(volume);
    assert.deepEqual(names(), ['folder', 'link', 'tls.key', 'workload-api.sock']);
    assert.equal(fs.readFileSync(socket, 'utf8'), 'a socket');
  });
});

describe('a writer that is killed', () => {
  /** Runs the work with each of its steps as the last, on a volume with two generations, a request and passwords. */
  function atEachStep(work: (files: VolumeFiles) => void, check: (step: string) => void): number {
    for (let step = 1; ; step++) {
      removeTree(volume);
      fs.mkdirSync(volume);
      files.write(volume, generation('zero', ['tls.key', 'tls.crt', 'old.pem']));
      files.write(volume, generation('one', ['tls.key', 'tls.crt', 'old.pem']));
      files.savePending(volume, 'the request');
      files.savePasswords(volume, 'the passwords');
      const life = new Lifeline();
      life.killAtStep(step);
      try {
        work(new VolumeFiles({}, { fs: life.wrap('fs', fs), now }));
        return step - 1;
      } catch (error) {
        assert.ok(error instanceof Killed);
        check(`killed at step ${step}: ${life.steps.at(-1)}`);
      }
    }
  }

  const assertBounded = (step: string): void => {
    const current = fs.readlinkSync(join(volume, dataLink));
    assert.ok(generations().includes(current), step);
    assert.ok(generations().length <= 2, `${step}: ${generations().join()}`);
  };
  const assertWhole = (step: string): void => {
    const [number = ''] = read('tls.key').split(' ');
    for (const name of number === 'two' ? ['tls.key', 'ca.crt'] : ['tls.key', 'tls.crt', 'old.pem'])
      assert.equal(read(name), `${number} of ${name}\n`, step);
  };

  it('at any step: leaves one whole set, and one other generation at most', () => {
    const steps = atEachStep(
      (killed) => killed.write(volume, generation('two', ['tls.key', 'ca.crt'])),
      (step) => {
        assertBounded(step);
        assertWhole(step);
        files.removeLeftovers(volume);
        assertBounded(step);
        assertWhole(step);
        for (const name of names())
          assert.ok(fs.existsSync(join(volume, name)), `${step}: ${name} leads nowhere`);
        for (const name of generations())
          assert.equal(modeOf(name), '550', `${step}: half a generation stays`);
        assert.ok(!list().includes('..data_tmp'), step);
        assert.equal(files.readPending(volume), 'the request');
        assert.equal(files.readPasswords(volume), 'the passwords');
      },
    );
    assert.ok(steps > 10, `${steps} steps were tried`);
  });

  it('again and again, with nobody to clear up: the volume does not grow', () => {
    atEachStep(
      (killed) => killed.write(volume, generation('two', ['tls.key', 'ca.crt'])),
      (step) => {
        for (let again = 1; again <= 12; again++) {
          const life = new Lifeline();
          life.killAtStep(again);
          const killed = new VolumeFiles({}, { fs: life.wrap('fs', fs), now });
          assert.throws(() => killed.write(volume, generation('two', ['tls.key', 'ca.crt'])), Killed);
          assertBounded(step);
          assertWhole(step);
        }
        files.write(volume, generation('three', ['tls.key']));
        assertBounded(step);
        assert.deepEqual(names(), ['tls.key'], step);
      },
    );
  });

  it('at any step of a file of its own: leaves the one before or the new one', () => {
    const steps = atEachStep(
      (killed) => {
        killed.savePending(volume, 'the next request');
        killed.savePasswords(volume, 'the next passwords');
      },
      (step) => {
        assert.match(String(files.readPending(volume)), /^the (next )?request$/, step);
        assert.match(String(files.readPasswords(volume)), /^the (next )?passwords$/, step);
        files.removeLeftovers(volume);
        assert.deepEqual(
          list().filter((name) => name.endsWith('_tmp')),
          [],
          step,
        );
        files.savePending(volume, 'another request');
        assert.equal(files.readPending(volume), 'another request', step);
      },
    );
    assert.ok(steps >= 8, `${steps} steps were tried`);
  });

  it('with the first generation half written: nothing is taken for whole, and the next write clears up', () => {
    fs.mkdirSync(join(volume, '..2026_11_22_06_50_00.abcdef'), { mode: 0o700 });
    fs.symlinkSync('..data/tls.key', join(volume, 'tls.key'));
    assert.equal(files.writtenAt(volume), undefined);
    assert.equal(files.read(volume, 'tls.key'), undefined);
    files.write(volume, generation('one'));
    assert.equal(generations().length, 1);
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
      let hasFailed = false;
      const failing = (...args: unknown[]): unknown => {
        if (hasFailed) return (fs[call] as (...args: unknown[]) => unknown)(...args);
        hasFailed = true;
        return noSpace();
      };
      assert.throws(() => broken({ [call]: failing }).write(volume, generation('two')), /ENOSPC/);
      assert.equal(read('tls.key'), 'one of tls.key\n');
      assert.deepEqual(
        list().filter((name) => name !== '..data_tmp'),
        before,
      );
      files.write(volume, generation('three'));
      assert.equal(read('tls.key'), 'three of tls.key\n');
      assert.equal(list().length, before.length + 1, 'what it had, and the generation before');
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

describe('the passwords', () => {
  it("are root's alone, replaced and read back", () => {
    assert.equal(files.readPasswords(volume), undefined);
    files.savePasswords(volume, 'one');
    files.savePasswords(volume, 'two');
    assert.equal(files.readPasswords(volume), 'two');
    assert.equal(modeOf('..passwords'), '400');
    files.write(volume, generation('one'));
    files.removeLeftovers(volume);
    assert.equal(files.readPasswords(volume), 'two');
  });

  it('stay as they were when there is no room for others', () => {
    files.savePasswords(volume, 'one');
    const full = broken({
      writeFileSync: () => {
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      },
    });
    assert.throws(() => full.savePasswords(volume, 'two'), /ENOSPC/);
    assert.equal(files.readPasswords(volume), 'one');
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
  it('never misses a file, nor sees parts of two generations or half a file, while they are replaced', async () => {
    files.write(volume, generation('0'));
    const reader = spawn(process.execPath, ['-e', readerProgram, volume], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface(reader.stdout)[Symbol.asyncIterator]();
    await lines.next();
    try {
      // The reader answers between two rounds, so that none of its rounds lasts longer than a generation does.
      for (let number = 1; number <= 200; number++) {
        files.write(volume, generation(String(number)));
        reader.stdin.write('.');
        await lines.next();
      }
    } finally {
      reader.stdin.end();
    }
    const { reads, faults } = JSON.parse((await lines.next()).value as string) as {
      reads: number;
      faults: string[];
    };
    assert.deepEqual(faults, []);
    assert.ok(reads > 1_000, `${reads} reads`);
  });
});

/** Reads by name, and with `..data` resolved once as a reader must that wants a set, until standard input ends. */
const readerProgram = `
const fs = require('node:fs');
const volume = process.argv[1];
const faults = [];
let reads = 0;
let asked = 0;
let stop = false;
process.stdin.on('data', (text) => { asked += text.length; }).on('end', () => { stop = true; });
process.stdout.write('ready\\n');
(function round() {
  for (let i = 0; i < 20; i++) {
    try {
      const folder = volume + '/' + fs.readlinkSync(volume + '/..data');
      const texts = ['tls.key', 'tls.crt', 'ca.crt'].map((name) => [name, fs.readFileSync(folder + '/' + name, 'utf8')]);
      const number = texts[0][1].split(' ')[0];
      for (const [name, text] of texts) if (text !== number + ' of ' + name + '\\n') faults.push(text);
      const text = fs.readFileSync(volume + '/tls.key', 'utf8');
      if (!/^\\d+ of tls\\.key\\n$/.test(text)) faults.push(text);
      reads++;
    } catch (error) {
      faults.push(String(error));
    }
  }
  for (; asked > 0; asked--) process.stdout.write('.\\n');
  if (stop) process.stdout.write(JSON.stringify({ reads, faults }) + '\\n');
  else setImmediate(round);
})();
`;

describe("another driver's folder", () => {
  /** As the kubelet's atomic writer in Go has it. */
  function writtenByGo(suffix: string): string {
    const name = `..2026_08_22_10_11_12.${suffix}`;
    fs.mkdirSync(join(volume, name), { mode: 0o755 });
    for (const file of ['tls.key', 'tls.crt']) {
      fs.writeFileSync(join(volume, name, file), 'of Go', { mode: 0o440 });
      fs.symlinkSync(join(dataLink, file), join(volume, file));
    }
    fs.symlinkSync(name, join(volume, dataLink));
    return name;
  }

  for (const suffix of ['1', '123456789', '4294967295']) {
    it(`is read and written on, its generation goes as those of this driver: ${suffix}`, () => {
      const name = writtenByGo(suffix);
      assert.equal(files.writtenAt(volume), Date.UTC(2026, 7, 22, 10, 11, 12));
      assert.equal(files.read(volume, 'tls.key'), 'of Go');
      files.write(volume, generation('one'));
      assert.ok(list().includes(name), 'for those who still read it');
      files.write(volume, generation('two'));
      assert.ok(!list().includes(name));
      assert.equal(read('tls.key'), 'two of tls.key\n');
    });
  }

  it('tells what a write would take away or not replace', () => {
    writtenByGo('1');
    assert.deepEqual(files.notReplaced(volume, new Set(['tls.key', 'tls.crt', 'ca.crt'])), []);
    assert.deepEqual(files.notReplaced(volume, new Set(['tls.key', 'ca.crt'])), ['tls.crt']);
    fs.writeFileSync(join(volume, 'ca.crt'), 'no link');
    fs.symlinkSync('tls.crt', join(volume, 'other'));
    assert.deepEqual(files.notReplaced(volume, new Set(['tls.key', 'tls.crt', 'ca.crt', 'other'])).sort(), [
      'ca.crt',
      'other',
    ]);
  });

  it('is emptied of all that is in it, whatever that is', () => {
    writtenByGo('1');
    files.write(volume, generation('one'));
    files.savePending(volume, 'key');
    files.savePasswords(volume, '{}');
    fs.mkdirSync(join(volume, 'folder', 'in', 'folder'), { recursive: true });
    fs.symlinkSync('/nowhere', join(volume, 'link'));
    files.empty(volume);
    assert.deepEqual(list(), []);
    files.empty(volume);
  });
});
