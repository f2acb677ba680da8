import { controllerCommand } from '../../../../src/controller/controller.ts';
import { createLogger } from '../../../../src/runtime/log.ts';
import { parseFlags } from '../../../../src/runtime/parse-flags.ts';
import { keepText } from '../../../support/kept-logs.ts';
import { eventually } from '../../../support/eventually.ts';
import type { World } from './world.ts';

/** A controller in this process. */
export interface RunningController {
  /** Every line that it has logged. */
  readonly log: readonly string[];
  /** What it warned of, but for an API server that has just been given the definitions. */
  troubles(): readonly string[];
  metric(series: string): Promise<number>;
  ready(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Starts a controller with these flags; resolves when it is ready. */
export async function startController(
  world: Pick<World, 'controllerKubeconfig'>,
  flags: readonly string[] = [],
): Promise<RunningController> {
  const log: string[] = [];
  const stop = new AbortController();
  const listening = Promise.withResolvers<string>();
  const { values } = parseFlags(
    controllerCommand.flags,
    ['--kubeconfig', await world.controllerKubeconfig(), '--metrics-address', '127.0.0.1:0', ...flags],
    {},
  );
  const ended = controllerCommand.run(values, {
    signal: stop.signal,
    version: '0.0.0-test',
    log: createLogger(
      { level: 'debug', format: 'json', program: 'controller' },
      {
        destination: {
          write: (line) => {
            log.push(line);
            keepText(`controller-in-${process.pid}`, line);
          },
        },
      },
    ),
    onListening: listening.resolve,
  });
  ended.catch(listening.reject);
  const address = await listening.promise;
  const get = (path: string): Promise<Response> => fetch(`http://${address}${path}`);
  const ready = async (): Promise<boolean> => (await get('/readyz')).ok;
  await eventually('the controller to be ready', async () => (await ready()) || undefined);
  return {
    log,
    ready,
    troubles: () =>
      log.filter(
        (line) => /"level":"(warn|error)"/.test(line) && !line.includes('storage is (re)initializing'),
      ),
    metric: async (series) => {
      const line = (await (await get('/metrics')).text())
        .split('\n')
        .find((one) => one.startsWith(`${series} `));
      return Number(line?.split(' ').at(-1));
    },
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}
