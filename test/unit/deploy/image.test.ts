import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { bundlePath } from '../../../tools/build.ts';
import { root } from '../../../tools/run-command.ts';

interface Stage {
  readonly name: string;
  readonly platform: string | undefined;
  readonly instructions: readonly { readonly verb: string; readonly rest: string }[];
}

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly os?: readonly string[];
}

const text = (file: string): string => readFileSync(join(root, file), 'utf8');
const lines = (file: string): string[] =>
  text(file)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

const stages = lines('Dockerfile').reduce<Stage[]>((all, line) => {
  const [verb = '', ...words] = line.split(' ');
  if (verb === 'FROM') {
    const [, platform] = /--platform=(\S+)/.exec(line) ?? [];
    const [, name = 'the image'] = / AS (\S+)$/.exec(line) ?? [];
    return [...all, { name, platform, instructions: [] }];
  }
  const last = all.at(-1) ?? assert.fail(`${verb} before FROM`);
  return [
    ...all.slice(0, -1),
    { ...last, instructions: [...last.instructions, { verb, rest: words.join(' ') }] },
  ];
}, []);

/** What the stage copies: from which stage, if any, and the paths there. */
function copiesOf({
  instructions,
}: Stage): { readonly from: string | undefined; readonly paths: string[] }[] {
  return instructions
    .filter(({ verb }) => verb === 'COPY')
    .map(({ rest }) => {
      const words = rest.split(' ');
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
      return { from, paths: words.filter((word) => !word.startsWith('--')).slice(0, -1) };
    });
}

describe('the Dockerfile', () => {
  it('runs nothing but on the platform of the builder', () => {
    for (const { instructions, name, platform } of stages) {
      if (instructions.some(({ verb }) => verb === 'RUN')) assert.equal(platform, '$BUILDPLATFORM', name);
    }
    assert.equal(stages.at(-1)?.platform, undefined, 'the image is for the platform asked for');
  });

  it('takes Node from a stage for the platform of the image, and the bundle from that of the builder', () => {
    const platformOf = (path: string): string | undefined => {
      const copies = copiesOf(stages.at(-1) ?? assert.fail());
      const { from } =
        copies.find(({ paths }) => paths.includes(path)) ?? assert.fail(`${path} is not copied`);
      return (stages.find(({ name }) => name === from) ?? assert.fail(`no stage ${from}`)).platform;
    };
    assert.equal(platformOf('/usr/local/bin/node'), undefined);
    assert.equal(platformOf('/src/dist'), '$BUILDPLATFORM');
  });

  it('names files that are there and that the builder is sent', () => {
    const ignored = lines('.dockerignore');
    const paths = stages.flatMap((stage) => copiesOf(stage).filter(({ from }) => from === undefined));
    for (const path of [...paths.flatMap((copy) => copy.paths), 'tools/build.ts', 'src/main.ts']) {
      assert.ok(existsSync(join(root, path)), path);
      assert.ok(!ignored.some((entry) => path === entry || path.startsWith(`${entry}/`)), path);
    }
    const run = stages.flatMap(({ instructions }) => instructions.filter(({ verb }) => verb === 'RUN'));
    assert.ok(run.some(({ rest }) => rest === 'node tools/build.ts'));
  });

  it('starts what the build makes', () => {
    const entry = stages.at(-1)?.instructions.find(({ verb }) => verb === 'ENTRYPOINT')?.rest ?? '[]';
    assert.deepEqual(JSON.parse(entry), ['node', `/certmount/${basename(bundlePath)}`]);
  });
});

describe('what goes into the bundle', () => {
  it('has no code for one platform alone, in no package that it comes from', () => {
    const packages = lockedPackages();
    assert.ok(packages.size > 5, [...packages.keys()].join());
    for (const [path, { cpu, libc, os }] of packages) {
      assert.deepEqual([cpu, libc, os], [undefined, undefined, undefined], path);
      assert.deepEqual(globSync('**/*.{node,gyp}', { cwd: join(root, path) }), [], path);
    }
  });
});

/** The packages of the lock file that `dependencies` lead to, each where it is installed. */
function lockedPackages(): Map<string, LockedPackage> {
  const { packages } = JSON.parse(text('package-lock.json')) as {
    packages: Record<string, LockedPackage>;
  };
  const found = new Map<string, LockedPackage>();
  const visit = (from: string, names: readonly string[]): void => {
    for (const name of names) {
      const path = resolve(from, name, packages);
      const locked = packages[path];
      if (locked === undefined || found.has(path)) continue;
      found.set(path, locked);
      visit(path, Object.keys({ ...locked.dependencies, ...locked.optionalDependencies }));
    }
  };
  visit('', Object.keys(packages['']?.dependencies ?? {}));
  return found;
}

/** As Node looks for a package: from the innermost node_modules outwards. */
function resolve(from: string, name: string, packages: Record<string, LockedPackage>): string {
  const inside = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  if (from === '' || packages[inside] !== undefined) return inside;
  return resolve(from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name, packages);
}
