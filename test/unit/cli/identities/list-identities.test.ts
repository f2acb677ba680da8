import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  listIdentities,
  type ListIdentitiesOptions,
} from '../../../../src/cli/identities/list-identities.ts';
import { type KubeClient, KubeError, type KubeObject, type ListQuery } from '../../../../src/kube/index.ts';
import { csiVolume, issueLeaf, noon, podCertificateVolume, podWith, requestOf } from '../support/builders.ts';

type Lists = Readonly<Record<string, readonly (readonly KubeObject[])[] | KubeError>>;

/** A cluster that has these pages of these resources, and answers "not found" for all others. */
function clusterWith(lists: Lists): { client: Pick<KubeClient, 'resource' | 'request'>; asked: string[] } {
  const asked: string[] = [];
  const list = (plural: string, query: ListQuery): Promise<unknown> => {
    asked.push(
      [plural, query.namespace ?? '*', query.fieldSelector, query.continue].filter(Boolean).join(' '),
    );
    const pages = lists[plural] ?? new KubeError('not-found', `no ${plural}`);
    if (pages instanceof Error) return Promise.reject(pages);
    const at = Number(query.continue ?? 0);
    const next = at + 1 < pages.length ? { continue: String(at + 1) } : {};
    return Promise.resolve({ metadata: next, items: pages[at] ?? [] });
  };
  const client = {
    resource: ({ plural }: { plural: string }) => ({ list: (query: ListQuery) => list(plural, query) }),
    request: () => Promise.reject(new KubeError('not-found', 'no such version')),
  };
  return { client: client as unknown as Pick<KubeClient, 'resource' | 'request'>, asked };
}

async function rowsOf(lists: Lists, changes: Partial<ListIdentitiesOptions> = {}) {
  const { asked, client } = clusterWith(lists);
  const warnings: string[] = [];
  const options = { namespace: undefined, node: undefined, driverNames: ['csi.certmount.io'], ...changes };
  const rows = [];
  const deps = { cluster: { client }, now: () => noon, signal: new AbortController().signal };
  for await (const row of listIdentities(options, { ...deps, warn: (text) => warnings.push(text) }))
    rows.push(row);
  return { asked, rows, warnings };
}

describe('the list of identities', () => {
  it('joins what it finds on several pages', async () => {
    const pod = podWith([csiVolume()]);
    const done = { ...podWith([csiVolume()]), status: { phase: 'Succeeded' } };
    const leaf = await issueLeaf();
    const { asked, rows } = await rowsOf({
      certificaterequests: [[requestOf({ name: 'other', volume: 'none' })], [requestOf({ leaf })]],
      pods: [[podWith([])], [pod, done]],
      certificates: [
        [
          {
            metadata: { namespace: 'web', name: 'c' },
            spec: { secretName: 's', issuerRef: { name: 'i' } },
          } as KubeObject,
        ],
      ],
    });
    assert.deepEqual(
      rows.map(({ name, source, state }) => [source, name, state]),
      [
        ['csi', 'certs', 'valid'],
        ['secret', 'c', 'pending'],
      ],
    );
    assert.deepEqual(asked, [
      'certificaterequests *',
      'certificaterequests * 1',
      'pods *',
      'pods * 1',
      'certificates *',
    ]);
  });

  it('asks for the pods of one node alone, and for no Secrets of nowhere', async () => {
    const { asked } = await rowsOf({ pods: [[]] }, { namespace: 'web', node: 'node-1' });
    assert.deepEqual(asked, ['certificaterequests web', 'pods web spec.nodeName=node-1']);
  });

  it('goes on without what may not be listed, and says so', async () => {
    const { rows, warnings } = await rowsOf({
      certificaterequests: new KubeError('forbidden', 'you may not'),
      pods: [[podWith([csiVolume()])]],
    });
    assert.deepEqual(warnings, ['CertificateRequests may not be listed, and are left out: you may not']);
    assert.deepEqual(
      rows.map(({ message, state }) => [state, message]),
      [['unrecorded', 'CertificateRequests may not be listed']],
    );
  });

  it('keeps the row of a pod certificate whose request is gone', async () => {
    const { rows } = await rowsOf({ pods: [[podWith([podCertificateVolume()])]] });
    assert.deepEqual(
      rows.map(({ issuer, name, source, spiffeId, state }) => [source, name, issuer, spiffeId, state]),
      [['pod-certificate', 'tls', 'certmount.io/mesh', null, 'unrecorded']],
    );
  });

  it('fails where the cluster does', async () => {
    await assert.rejects(rowsOf({ certificaterequests: new KubeError('unavailable', 'away') }), /away/);
    await assert.rejects(rowsOf({ pods: new KubeError('forbidden', 'no pods') }), /no pods/);
  });
});
