// Parts of a pod's spec as core/v1 has them: `kubectl explain pod.spec` describes them.
import { flag, integer, list, listByKey, map, quantity, struct, text } from '../schema.ts';

const selectorRequirement = struct({
  required: { key: text(), operator: text() },
  optional: { values: list(text()) },
});

const labelSelector = struct(
  { optional: { matchExpressions: list(selectorRequirement), matchLabels: map(text()) } },
  undefined,
  { atomic: true },
);

const nodeSelectorTerm = struct(
  { optional: { matchExpressions: list(selectorRequirement), matchFields: list(selectorRequirement) } },
  undefined,
  { atomic: true },
);

const nodeAffinity = struct({
  optional: {
    preferredDuringSchedulingIgnoredDuringExecution: list(
      struct({ required: { weight: integer('int32'), preference: nodeSelectorTerm } }),
    ),
    requiredDuringSchedulingIgnoredDuringExecution: struct(
      { required: { nodeSelectorTerms: list(nodeSelectorTerm) } },
      undefined,
      { atomic: true },
    ),
  },
});

const podAffinityTerm = struct({
  required: { topologyKey: text() },
  optional: {
    labelSelector,
    namespaceSelector: labelSelector,
    namespaces: list(text()),
    matchLabelKeys: list(text()),
    mismatchLabelKeys: list(text()),
  },
});

const podAffinity = struct({
  optional: {
    preferredDuringSchedulingIgnoredDuringExecution: list(
      struct({ required: { weight: integer('int32'), podAffinityTerm } }),
    ),
    requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
  },
});

const affinity = struct(
  { optional: { nodeAffinity, podAffinity, podAntiAffinity: podAffinity } },
  'Affinity of the pod.',
);

const toleration = struct({
  optional: {
    key: text(),
    operator: text(),
    value: text(),
    effect: text(),
    tolerationSeconds: integer('int64'),
  },
});

const securityContext = struct(
  {
    optional: {
      fsGroup: integer('int64'),
      fsGroupChangePolicy: text(),
      runAsGroup: integer('int64'),
      runAsNonRoot: flag(),
      runAsUser: integer('int64'),
      seLinuxOptions: struct({ optional: { level: text(), role: text(), type: text(), user: text() } }),
      seccompProfile: struct({ required: { type: text() }, optional: { localhostProfile: text() } }),
      supplementalGroups: list(integer('int64')),
      sysctls: list(struct({ required: { name: text(), value: text() } })),
    },
  },
  'Security context of the pod.',
);

const resources = struct(
  { optional: { limits: map(quantity()), requests: map(quantity()) } },
  "Resources of the pod's container.",
);

const pullSecret = struct({ optional: { name: text(undefined, { default: '' }) } }, undefined, {
  atomic: true,
});

const metadata = struct(
  { optional: { annotations: map(text(), 'Annotations to add.'), labels: map(text(), 'Labels to add.') } },
  'Metadata to add.',
);

export const objectTemplate = struct({ optional: { metadata } }, 'What is added to the Ingress.');

const podSpec = struct(
  {
    optional: {
      nodeSelector: map(text(), 'Labels of the nodes that the pod may run on.'),
      affinity,
      tolerations: list(toleration, 'Tolerations of the pod.'),
      priorityClassName: text('Priority class of the pod.'),
      serviceAccountName: text('Service account of the pod.'),
      imagePullSecrets: listByKey('name', pullSecret, 'Secrets to pull the image with.'),
      securityContext,
      resources,
    },
  },
  'What of the pod is to be another way.',
);

export const podTemplate = struct(
  { optional: { metadata, spec: podSpec } },
  'What is added to the solver pod.',
);
