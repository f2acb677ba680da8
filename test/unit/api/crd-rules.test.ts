import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { root } from '../../../tools/run-command.ts';

/** Of CEL; Kubernetes knows a field of such a name as `__NAME__`. */
const reserved =
  /\.(?:as|break|const|continue|else|false|for|function|if|import|in|let|loop|namespace|null|package|return|true|var|void|while)\b/;

describe('the rules of the CRDs', () => {
  it('escape reserved words, as Kubernetes 1.31 asks for and 1.34 does not', () => {
    const texts = globSync('deploy/crds/*.yaml', { cwd: root }).map((path) =>
      readFileSync(join(root, path), 'utf8'),
    );
    const rules = texts.flatMap((text) =>
      parseAllDocuments(text).flatMap((document) => rulesOf(document.toJS())),
    );
    assert.ok(rules.some((rule) => rule.includes('__namespace__')));
    assert.deepEqual(
      rules.filter((rule) => reserved.test(rule)),
      [],
    );
  });
});

function rulesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { 'x-kubernetes-validations': rules = [] } = value as {
    'x-kubernetes-validations'?: { rule: string }[];
  };
  return [...rules.map(({ rule }) => rule), ...Object.values(value).flatMap(rulesOf)];
}
