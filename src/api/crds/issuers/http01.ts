import { integer, list, map, struct, text } from '../schema.ts';
import { exactlyOne } from '../rules.ts';
import { objectTemplate, podTemplate } from './pod-parts.ts';

const serviceType = text('Type of the Service: ClusterIP, or NodePort, which it is when not set.', {
  pattern: '^(ClusterIP|NodePort)?$',
});

const subdomain = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

const parentReference = struct({
  required: { name: text('Name of the Gateway.', { minLength: 1, maxLength: 253 }) },
  optional: {
    group: text('API group of the parent.', {
      default: 'gateway.networking.k8s.io',
      maxLength: 253,
      pattern: `^$|^${subdomain}$`,
    }),
    kind: text('Kind of the parent.', {
      default: 'Gateway',
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$',
    }),
    namespace: text("Namespace of the parent: the route's when not set.", {
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    }),
    sectionName: text('Listener of the Gateway.', {
      minLength: 1,
      maxLength: 253,
      pattern: `^${subdomain}$`,
    }),
    port: integer('int32', 'Port of the Gateway.', { minimum: 1, maximum: 65535 }),
  },
});

const ingress = struct(
  {
    optional: {
      serviceType,
      ingressClassName: text('Ingress class of the Ingress that is made.'),
      class: text('Value of the annotation kubernetes.io/ingress.class, for controllers that know no other.'),
      name: text('An Ingress to add the path to, in place of making one.'),
      podTemplate,
      ingressTemplate: objectTemplate,
    },
  },
  'By an Ingress. At most one of ingressClassName, class and name.',
  {
    rules: [
      {
        rule: "[has(self.ingressClassName), has(self.class), has(self.name) && self.name != ''].filter(given, given).size() <= 1",
        message: "only one of 'ingressClassName', 'name' or 'class' should be specified",
        reason: 'FieldValueForbidden',
      },
    ],
  },
);

const gatewayHTTPRoute = struct(
  {
    optional: {
      serviceType,
      labels: map(text(), 'Labels of the HTTPRoute.'),
      parentRefs: list(parentReference, 'Gateways that the HTTPRoute attaches to.'),
      podTemplate,
    },
  },
  'By an HTTPRoute of the Gateway API.',
);

export const http01Solver = struct(
  { optional: { ingress, gatewayHTTPRoute } },
  'Proves names by a file under /.well-known/acme-challenge/. Exactly one of its fields.',
  {
    rules: exactlyOne(['ingress', 'gatewayHTTPRoute'], {
      none: 'no HTTP01 solver type configured',
      several: 'only 1 HTTP01 solver type may be configured',
    }),
  },
);
