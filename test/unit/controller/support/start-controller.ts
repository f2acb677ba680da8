import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controllerCommand } from '../../../../src/controller/controller.ts';
import { silentLogger } from '../../../../src/runtime/log.ts';
import { parseFlags } from '../../../../src/runtime/parse-flags.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';

export interface StartedController extends AsyncDisposable {
  /** The answer of /readyz. */
  ready(): Promise<string>;
}

/** A controller in this process that reaches the API server at this address. */
export async function startController(server: URL, clock: FakeClock): Promise<StartedController> {
  const directory = await mkdtemp(join(tmpdir(), 'certmount-controller-'));
  const kubeconfig = join(directory, 'config');
  await writeFile(kubeconfig, kubeconfigOf(server));
  const stop = new AbortController();
  const listening = Promise.withResolvers<string>();
  const flags = ['--kubeconfig', kubeconfig, '--metrics-address', '127.0.0.1:0'];
  const ended = controllerCommand.run(parseFlags(controllerCommand.flags, flags, {}).values, {
    signal: stop.signal,
    version: '0.0.0-test',
    clock,
    log: silentLogger,
    onListening: listening.resolve,
  });
  ended.catch(listening.reject);
  const address = await listening.promise;
  return {
    ready: async () => (await (await fetch(`http://${address}/readyz`)).text()).trim(),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

/** JSON is YAML. */
function kubeconfigOf(server: URL): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server: server.origin } }],
    users: [{ name: 'fake', user: {} }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    'current-context': 'fake',
  });
}
