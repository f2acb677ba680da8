import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Pod, Service } from '../../../src/api/core.ts';
import { podDnsNames, policyPodOf, serviceAccountSubject } from '../../../src/policy/index.ts';
import { surroundings } from './support/builders.ts';

function aKubePod(name: string, namespace: string, spec: Partial<Pod['spec']> = {}, ips: string[] = []): Pod {
  return {
    metadata: { name, namespace, uid: 'u', labels: { app: 'api', tier: 'front' } },
    spec: { nodeName: 'node-1', serviceAccountName: 'api', ...spec },
    status: { podIPs: ips.map((ip) => ({ ip })) },
  };
}

function aService(
  name: string,
  namespace: string,
  spec: Service['spec'] = { selector: { app: 'api' } },
): Service {
  return { metadata: { name, namespace }, spec };
}

const names = (pod: Pod, ...services: Service[]): string[] => podDnsNames(pod, services, 'cluster.local');

describe('the DNS names of a pod', () => {
  it('are its own', () => {
    assert.deepEqual(names(aKubePod('api-0', 'web')), [
      'api-0.web',
      'api-0.web.svc',
      'api-0.web.svc.cluster.local',
      'api-0.web.pod',
      'api-0.web.pod.cluster.local',
    ]);
  });

  it('are those of its host name under its subdomain; the host name is that of the pod where it has no other', () => {
    const [, , , , , ...rest] = names(aKubePod('api-0', 'web', { subdomain: 'api' }));
    assert.deepEqual(rest, ['api-0.api.web.svc', 'api-0.api.web.svc.cluster.local']);
    const [, , , , , ...named] = names(aKubePod('api-0', 'web', { subdomain: 'api', hostname: 'one' }));
    assert.deepEqual(named, ['one.api.web.svc', 'one.api.web.svc.cluster.local']);
  });

  it('are those of the services of its namespace that select it, never their bare names', () => {
    const services = [
      aService('api', 'web'),
      aService('both', 'web', { selector: { app: 'api', tier: 'front' } }),
      aService('other', 'web', { selector: { app: 'db' } }),
      aService('more', 'web', { selector: { app: 'api', zone: 'a' } }),
      aService('elsewhere', 'prod'),
      aService('manual', 'web', {}),
      aService('empty', 'web', { selector: {} }),
      aService('external', 'web', { type: 'ExternalName', selector: { app: 'api' } }),
    ];
    const [, , , , , ...rest] = names(aKubePod('api-0', 'web'), ...services);
    assert.deepEqual(rest, [
      'api.web',
      'api.web.svc',
      'api.web.svc.cluster.local',
      'both.web',
      'both.web.svc',
      'both.web.svc.cluster.local',
    ]);
  });

  it('are none by the name of a pod that has a dot, which could be anybody', () => {
    assert.deepEqual(names(aKubePod('api.prod', 'svc')), []);
    assert.deepEqual(names(aKubePod('api.prod.svc.cluster', 'local')), []);
    assert.deepEqual(names(aKubePod('a', 'web', { hostname: 'x.prod', subdomain: 'svc' })).slice(5), []);
  });

  it('are never those of a service of another namespace, whatever pod, service and namespace are called', () => {
    const words = fc.constantFrom('api', 'db', 'web', 'prod', 'svc', 'pod', 'cluster', 'local');
    const dotted = fc.array(words, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(dotted, words, dotted, words, words, (name, namespace, hostname, subdomain, service) => {
        const pod = aKubePod(name, namespace, { hostname, subdomain });
        for (const got of names(pod, aService(service, namespace))) {
          const foreign = /^([^.]+)\.([^.]+)\.svc(\.cluster\.local)?$/.exec(got)?.[2];
          assert.ok(foreign === undefined || foreign === namespace, `${namespace}/${name} got ${got}`);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a pod as policies see it', () => {
  it('has its SPIFFE ID, and its addresses in the form that a request has them in', () => {
    const pod = policyPodOf(aKubePod('api-0', 'web', {}, ['10.0.0.7', 'FD00:0::7', '']), [], surroundings);
    assert.equal(pod.spiffeId, 'spiffe://example.org/ns/web/sa/api');
    assert.deepEqual(pod.ips, ['10.0.0.7', 'fd00::7']);
    assert.equal(pod.nodeName, 'node-1');
    assert.deepEqual(pod.labels, { app: 'api', tier: 'front' });
  });

  it('is a service account to the API server', () => {
    assert.deepEqual(serviceAccountSubject({ namespace: 'web', serviceAccount: 'api' }), {
      username: 'system:serviceaccount:web:api',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated'],
    });
  });
});
