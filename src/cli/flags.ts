import { choiceFlag, type FlagValues, listFlag, textFlag, toggleFlag } from '../runtime/flags.ts';
import { knownDriverNames } from './driver-names.ts';

/** How every tool finds its cluster and namespace. */
export const clusterFlags = {
  kubeconfig: textFlag({
    placeholder: 'FILE',
    help: 'Kubeconfig of the cluster. Default: that of kubectl, which is KUBECONFIG, ~/.kube/config, or in a pod the service account.',
  }),
  context: textFlag({ placeholder: 'NAME', help: 'Context of the kubeconfig. Default: its current one.' }),
  namespace: textFlag({
    placeholder: 'NAME',
    short: 'n',
    help: "Namespace. Default: that of the kubeconfig's context.",
  }),
} as const;

export const allNamespacesFlag = toggleFlag({ short: 'A', help: 'All namespaces.', default: false });

/** Where the driver runs, for what only it knows. */
export const driverFlags = {
  driverNamespace: textFlag({
    placeholder: 'NAME',
    help: "Namespace of the driver's pods.",
    default: 'certmount',
  }),
  driverSelector: textFlag({
    placeholder: 'SELECTOR',
    help: "Labels of the driver's pods.",
    default: 'app.kubernetes.io/name=certmount-driver',
  }),
} as const;

export const driverNamesFlag = listFlag({
  help: 'Names of CSI drivers whose volumes count.',
  default: knownDriverNames,
});

/** Of a list. */
export const tableFlag = choiceFlag({
  short: 'o',
  help: 'table for people, wide with everything in full, json for programs.',
  choices: ['table', 'wide', 'json'],
  default: 'table',
});

/** Of what is told in sentences. */
export const textOutputFlag = choiceFlag({
  short: 'o',
  help: 'text for people, json for programs.',
  choices: ['text', 'json'],
  default: 'text',
});

export type DriverFlagValues = FlagValues<typeof driverFlags>;
