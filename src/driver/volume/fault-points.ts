import type { CertificateRequest } from '../../api/certificate-request.ts';
import type { Event } from '../../api/core.ts';
import type { NodeTrust } from '../../api/node-trust.ts';
import type { Resource } from '../../kube/index.ts';
import type { VolumeFilesDependencies } from './files/volume-files.ts';
import type { Mounter } from './mount/mounter.ts';
import type { VolumeMountsDependencies } from './mount/volume-mounts.ts';
import type { VolumeRecordsDependencies } from './state/volume-records.ts';

/** Everything through which the driver changes what outlives its process: the node's files and mounts, and the API. */
export interface DriverEffects {
  /** In the volumes. */
  readonly files: VolumeFilesDependencies['fs'];
  readonly targets: VolumeMountsDependencies['fs'];
  readonly mounts: Mounter;
  readonly records: VolumeRecordsDependencies['fs'];
  readonly recordWrites: VolumeRecordsDependencies['fsPromises'];
  readonly requests: Pick<Resource<CertificateRequest>, 'create' | 'delete'>;
  readonly events: Pick<Resource<Event>, 'create'>;
  readonly nodeTrusts: Pick<Resource<NodeTrust>, 'create' | 'patch'>;
}

type Part = keyof DriverEffects;

/** Exhaustive: a new effect does not compile until it is told apart here, and then the tests demand a kill at it. */
const changes: { readonly [P in Part]: Readonly<Record<keyof DriverEffects[P], boolean>> } = {
  files: {
    chmodSync: true,
    chownSync: true,
    closeSync: false,
    fchmodSync: true,
    fchownSync: true,
    lstatSync: false,
    mkdtempSync: true,
    openSync: true,
    readFileSync: false,
    readdirSync: false,
    readlinkSync: false,
    renameSync: true,
    rmSync: true,
    symlinkSync: true,
    unlinkSync: true,
    writeFileSync: true,
  },
  targets: {
    lstatSync: false,
    mkdirSync: true,
    readFileSync: false,
    realpathSync: false,
    rmdirSync: true,
  },
  mounts: { mountTmpfs: true, makeWritable: true, unmount: true },
  records: {
    lstatSync: false,
    mkdirSync: true,
    readFileSync: false,
    readdirSync: false,
    renameSync: true,
    rmSync: true,
  },
  recordWrites: { rename: true, writeFile: true },
  requests: { create: true, delete: true },
  events: { create: true },
  nodeTrusts: { create: true, patch: true },
};

/** The moments at which the driver may be killed: before and after each step that the world outside can see. */
export const faultPoints: readonly string[] = Object.entries(changes).flatMap(([part, methods]) =>
  Object.entries(methods)
    .filter(([, isChange]) => isChange)
    .flatMap(([method]) => [`${part}.${method}.before`, `${part}.${method}.after`]),
);

type Callable = (...args: readonly unknown[]) => unknown;

/** The same effects, with a word to `reach` at each of {@link faultPoints}; after a promise's when it is fulfilled. */
export function withFaultPoints(effects: DriverEffects, reach: (point: string) => void): DriverEffects {
  const wrapped = Object.entries(changes).map(([part, methods]) => {
    const target = effects[part as Part] as unknown as Readonly<Record<string, Callable>>;
    const calls = Object.entries(methods).map(([method, isChange]) => {
      const call: Callable = (...args) => target[method]?.(...args);
      return [method, isChange ? announced(call, `${part}.${method}`, reach) : call];
    });
    return [part, Object.fromEntries(calls)];
  });
  return Object.fromEntries(wrapped) as DriverEffects;
}

function announced(call: Callable, step: string, reach: (point: string) => void): Callable {
  const after = <T>(result: T): T => {
    reach(`${step}.after`);
    return result;
  };
  return (...args) => {
    reach(`${step}.before`);
    const result = call(...args);
    return result instanceof Promise ? result.then(after) : after(result);
  };
}
