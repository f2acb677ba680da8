import { type FlagValues, textFlag, toggleFlag, valueFlag } from '../runtime/flags.ts';
import { outputFlag } from './output/output.ts';

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
  driverNamespace: valueFlag<string>({
    placeholder: 'NAME',
    help: "Namespace of the driver's pods.",
    default: 'certmount',
    parse: String,
    format: String,
  }),
  driverSelector: valueFlag<string>({
    placeholder: 'SELECTOR',
    help: "Labels of the driver's pods.",
    default: 'app.kubernetes.io/name=certmount-driver',
    parse: String,
    format: String,
  }),
} as const;

export { outputFlag };

export type ClusterFlagValues = FlagValues<typeof clusterFlags>;
export type DriverFlagValues = FlagValues<typeof driverFlags>;
