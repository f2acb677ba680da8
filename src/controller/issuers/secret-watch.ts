import { secrets } from '../../api/core.ts';
import type { Secret } from '../../api/core.ts';
import type { ObjectKey } from '../../kube/index.ts';
import type { Watched, WatchListener } from '../owned-watches.ts';
import { pickMetadata } from '../slim-object.ts';
import { watchNamed } from '../watch-named.ts';
import type { WatchNamedDependencies } from '../watch-named.ts';
import { keyPairData } from './secret-data.ts';

/** Watches one Secret by its name. */
export function watchSecret(
  key: ObjectKey,
  listener: WatchListener<ObjectKey>,
  signal: AbortSignal,
  deps: WatchNamedDependencies,
): Watched<Secret | undefined> {
  const view = watchNamed<Secret>(
    {
      resource: deps.client.resource(secrets),
      namespace: key.namespace,
      fieldSelector: `metadata.name=${escaped(key.name)}`,
      transform: slimSecret,
    },
    { changed: () => listener.changed(), failed: (message) => listener.failed(message) },
    signal,
    deps,
  );
  return {
    get synced() {
      return view.synced;
    },
    current: () => view.get(key),
  };
}

/** Names come from users, and what no object can be called is found nowhere. As in apimachinery's fields.EscapeValue. */
function escaped(name: string): string {
  return name.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
}

/** A Secret may hold much else that is none of the controller's business. */
function slimSecret(secret: Secret): Secret {
  const metadata = pickMetadata(secret.metadata, 'name', 'namespace', 'uid', 'resourceVersion');
  return { metadata, data: keyPairData(secret) };
}
