import type { Bundle, BundleSpec } from '../../../../../src/api/bundle.ts';
import { fingerprint } from '../../../../../src/pki/index.ts';
import type { Certificate } from '../../../../../src/pki/index.ts';
import { newCa } from '../../builders.ts';
import type { TestCa } from '../../builders.ts';

/** The Bundle `roots` with a ConfigMap as its target. */
export function newBundle(spec: Partial<BundleSpec> = {}, metadata: Bundle['metadata'] = {}): Bundle {
  return {
    apiVersion: 'trust.cert-manager.io/v1alpha1',
    kind: 'Bundle',
    metadata: { name: 'roots', uid: 'bundle-1', generation: 1, resourceVersion: '1', ...metadata },
    spec: { sources: [], target: { configMap: { key: 'ca.crt' } }, ...spec },
  };
}

export function newRoot(commonName: string, options: Parameters<typeof newCa>[0] = {}): Promise<TestCa> {
  return newCa({ subject: { commonName }, ...options });
}

/** In the order of what is published. */
export function inOrder(...cas: readonly { certificate: Certificate }[]): Certificate[] {
  return cas
    .map(({ certificate }) => certificate)
    .toSorted((a, b) => (fingerprint(a.der) < fingerprint(b.der) ? -1 : 1));
}
