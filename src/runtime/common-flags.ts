import { choiceFlag, listenAddressFlag, textFlag } from './flags.ts';
import { logFormats, logLevels } from './log.ts';

/** Flags that every program that serves has. A program spreads them into its own table. */
export const commonFlags = {
  kubeconfig: textFlag({
    placeholder: 'FILE',
    help: 'Kubeconfig of the cluster. Not needed in a pod: there the service account is used.',
  }),
  metricsAddress: listenAddressFlag({
    help: 'Where /metrics, /livez and /readyz are served over HTTP. Port 0 takes any free one.',
    default: { port: 9402 },
  }),
  logLevel: choiceFlag({ help: 'Least severe level that is logged.', choices: logLevels, default: 'info' }),
  logFormat: choiceFlag({
    help: 'json for machines, pretty for people; auto is pretty on a terminal, else json.',
    choices: logFormats,
    default: 'auto',
  }),
} as const;
