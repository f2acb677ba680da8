import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../../../src/api/core.ts';
import type { Cluster } from '../../../../src/cli/cluster/cluster.ts';
import { podIdentities } from '../../../../src/cli/identity/pod-identities.ts';
import { KubeError, type KubeObject, type ListQuery } from '../../../../src/kube/index.ts';
import {
  csiVolume,
  noon,
  podCertificateRequest,
  podCertificateVolume,
  podWith,
  requestOf,
} from '../support/builders.ts';

const flags = { driverNamespace: 'certmount', driverSelector: 'app=driver' };
const driverNames = ['csi.certmount.io', 'csi.cert-manager.io'];

/** A cluster that serves pod certificates; what is not in it may not be listed. */
async function found(pod: Pod, lists: Readonly<Record<string, readonly KubeObject[]>>, volume?: string) {
  const asked: string[] = [];
  const cluster = {
    client: {
      resource: ({ plural }: { plural: string }) => ({
        list: ({ labelSelector }: ListQuery) => {
          asked.push(labelSelector === undefined ? plural : `${plural} ${labelSelector}`);
          const items = lists[plural];
          return items === undefined
            ? Promise.reject(new KubeError('forbidden', `no ${plural}`))
            : Promise.resolve({ metadata: {}, items });
        },
      }),
      request: () => Promise.resolve({ resources: [{ name: 'podcertificaterequests' }] }),
    },
    exec: () => Promise.reject(new Error('not asked')),
  } as unknown as Pick<Cluster, 'client' | 'exec'>;
  const options = { ...flags, driverNames, volume };
  const { signal } = new AbortController();
  return { asked, ...(await podIdentities(pod, options, cluster, signal)) };
}

describe('the identities of a pod', () => {
  it('are its volumes and its pod certificates, each asked for where it is known', async () => {
    const request = podCertificateRequest('a', noon);
    const lists = { podcertificaterequests: [request] };
    const pod = podWith([podCertificateVolume()]);
    const { asked, driverSilent, podCertificates, requestsUnknown, volumes } = await found(pod, lists);
    assert.deepEqual([volumes, driverSilent, requestsUnknown], [[], null, []]);
    assert.deepEqual(
      podCertificates.map((each) => [each.source.volume, each.request.facts?.name]),
      [['tls', 'a']],
    );
    assert.deepEqual(asked, ['podcertificaterequests'], 'there is no driver to ask');
  });

  it('are looked for among all requests where another driver made them', async () => {
    const driver = 'csi.cert-manager.io';
    const pod = podWith([{ name: 'certs', csi: { driver } }]);
    const { asked } = await found(pod, { certificaterequests: [requestOf()], pods: [] });
    assert.ok(asked.includes('certificaterequests'), asked.join());
    const own = await found(podWith([csiVolume()]), { certificaterequests: [requestOf()], pods: [] });
    assert.ok(own.asked.includes('certificaterequests csi.certmount.io/driver'), own.asked.join());
    assert.equal(own.volumes[0]?.requests.next?.name, 'api-1');
  });

  it('are unknown where requests may not be listed', async () => {
    const pod = podWith([csiVolume(), podCertificateVolume()]);
    const { podCertificates, requestsUnknown, volumes } = await found(pod, { pods: [] });
    assert.deepEqual(requestsUnknown, ['no certificaterequests', 'no podcertificaterequests']);
    assert.deepEqual([volumes[0]?.requests.known, podCertificates[0]?.request.known], [false, false]);
  });

  it('are of a volume that there is', async () => {
    const pod = podWith([csiVolume(), podCertificateVolume()]);
    const { podCertificates, volumes } = await found(pod, { podcertificaterequests: [] }, 'tls');
    assert.deepEqual([volumes.length, podCertificates.length], [0, 1]);
    await assert.rejects(
      found(pod, {}, 'none'),
      /^ToolError: --volume: pod web\/api has no "none"; there are certs, tls$/,
    );
    await assert.rejects(
      found(podWith([]), {}),
      /^ToolError: pod web\/api has no volume of csi\.certmount\.io, csi\.cert-manager\.io, and no pod certificate$/,
    );
  });
});
