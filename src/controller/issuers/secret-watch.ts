import { secrets } from '../../api/core.ts';
import type { Secret } from '../../api/core.ts';
import { isKubeError, Reflector } from '../../kube/index.ts';
import type { Clock, KubeClient, ObjectKey } from '../../kube/index.ts';
import { pickMetadata } from '../slim-object.ts';
import type { SecretListener, WatchedSecret } from './named-secrets.ts';

export interface SecretWatchDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: (resource: string, error: unknown) => void;
}

const usedData: readonly string[] = ['tls.crt', 'tls.key', 'ca.crt'];

/** Watches one Secret by its name: RBAC can allow just that, and nothing else of the namespace is ever read. */
export function watchSecret(
  key: ObjectKey,
  listener: SecretListener,
  signal: AbortSignal,
  deps: SecretWatchDependencies,
): WatchedSecret {
  const { client, clock, random, onError } = deps;
  const reflector = new Reflector<Secret>(
    {
      resource: client.resource(secrets),
      namespace: key.namespace,
      fieldSelector: `metadata.name=${key.name}`,
      transform: slimSecret,
    },
    {
      clock,
      random,
      onError: (error) => {
        onError('secrets', error);
        // Anything else passes by itself, and until then nothing is known that an issuer should tell of.
        if (isKubeError(error, 'forbidden')) listener.failed(error.message);
      },
    },
  );
  reflector.subscribe(() => {
    if (reflector.synced) listener.changed();
  });
  void reflector.run(signal);
  reflector.whenSynced(signal).then(
    () => listener.changed(),
    () => {}, // nobody names it any more
  );
  return {
    get synced() {
      return reflector.synced;
    },
    current: () => reflector.get(key),
  };
}

/** A Secret may hold much else that is none of the controller's business. */
function slimSecret({ metadata, data = {} }: Secret): Secret {
  return {
    metadata: pickMetadata(metadata, 'name', 'namespace', 'uid', 'resourceVersion'),
    data: Object.fromEntries(Object.entries(data).filter(([name]) => usedData.includes(name))),
  };
}
