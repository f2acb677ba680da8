import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { root } from '../../../tools/run-command.ts';

const documents = globSync('{*.md,docs/**/*.md}', { cwd: root }).sort();

function withoutCode(file: string): string {
  return readFileSync(join(root, file), 'utf8').replace(/^( *)```[^]*?^\1```$/gm, '');
}

function linksOf(file: string): string[] {
  const targets = [...withoutCode(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** Of headings, as GitHub makes them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const headings = [...withoutCode(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function faultOf(file: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const found = path === '' ? file : relative(root, join(root, dirname(file), path));
  if (!existsSync(join(root, found))) return `${target}: there is no ${found}`;
  if (anchor === undefined || anchorsOf(found).has(anchor)) return undefined;
  return `${target}: ${found} has no heading for it`;
}

describe('the links of the documents', () => {
  assert.ok(documents.length > 20);
  for (const file of documents) {
    it(`lead somewhere in ${file}`, () => {
      const faults = linksOf(file).flatMap((target) => faultOf(file, target) ?? []);
      assert.deepEqual(faults, []);
    });
  }
});
