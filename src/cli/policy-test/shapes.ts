import { certificateRequestPolicySpec } from '../../api/crds/certificate-request-policy.ts';
import { flag, integer, list, map, oneOf, type Schema, text } from '../../api/crds/schema.ts';
import { keyTypes } from './pod-certificates-of.ts';

// Of objects of Kubernetes what is read here, in the form that the API server takes. They have many more fields.

/** An object with these fields and any others. */
function open(
  optional: Readonly<Record<string, Schema>>,
  required: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    'x-kubernetes-preserve-unknown-fields': true,
  };
}

const metadata = open({
  name: text(),
  generateName: text(),
  namespace: text(),
  labels: map(text()),
  annotations: map(text()),
});

const podCertificate = open(
  {
    maxExpirationSeconds: integer('int32', undefined, { minimum: 3600, maximum: 91 * 86_400 }),
    userAnnotations: map(text()),
  },
  { signerName: text(), keyType: oneOf(Object.keys(keyTypes)) },
);

const volume = open(
  {
    csi: open(
      {
        readOnly: flag(),
        fsType: text(),
        nodePublishSecretRef: open({}, { name: text() }),
        volumeAttributes: map(text()),
      },
      { driver: text() },
    ),
    projected: open({ sources: list(open({ podCertificate })) }),
  },
  { name: text() },
);

const container = open(
  {
    env: list(open({}, { name: text() })),
    volumeMounts: list(open({ mountPath: text() }, { name: text() })),
    securityContext: open({ runAsGroup: integer('int64') }),
  },
  { name: text() },
);

const podSpec = open({
  nodeName: text(),
  serviceAccountName: text(),
  serviceAccount: text(),
  hostname: text(),
  subdomain: text(),
  hostNetwork: flag(),
  os: open({ name: text() }),
  nodeSelector: map(text()),
  securityContext: open({ fsGroup: integer('int64'), runAsGroup: integer('int64') }),
  volumes: list(volume),
  containers: list(container),
  initContainers: list(container),
});

/** What controllers read of a workload for the names and labels of its pods. */
const controlled = {
  serviceName: text(),
  ordinals: open({ start: integer('int32', undefined, { minimum: 0 }) }),
  completionMode: text(),
  manualSelector: flag(),
};

/** A workload whose pod template lies at this path. */
export function workloadShape(path: readonly string[]): Schema {
  const template = open({ metadata }, { spec: podSpec });
  const { properties = {}, required = [] } = path.reduceRight(
    (inner, key) => open({ metadata, ...controlled }, { [key]: inner }),
    template,
  );
  // A template may have no metadata, an object must.
  return { ...open({}), properties, required: [...required, 'metadata'] };
}

export const namespaceShape: Schema = open(
  {},
  { metadata: open({ labels: map(text()), annotations: map(text()) }, { name: text() }) },
);

export const serviceShape: Schema = open(
  {},
  {
    metadata,
    spec: open({ selector: map(text()), clusterIP: text() }),
  },
);

export const mutatingPolicyShape: Schema = open(
  {},
  {
    metadata: open({}, { name: text() }),
    spec: open({ variables: list(open({}, { name: text(), expression: text() })) }),
  },
);

export const policyShape: Schema = {
  type: 'object',
  properties: {
    apiVersion: text(),
    kind: text(),
    metadata: open({}, { name: text() }),
    spec: certificateRequestPolicySpec,
    status: open({}),
  },
  required: ['metadata', 'spec'],
};
