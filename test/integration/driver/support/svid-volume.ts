import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { VolumeFiles } from '../../../../src/driver/volume/files/volume-files.ts';
import type { VolumeSpec } from '../../../../src/driver/volume/volume-spec.ts';
import { type WorkloadApiLimits, workloadApiLimits } from '../../../../src/driver/workload-api/limits.ts';
import { WorkloadApis } from '../../../../src/driver/workload-api/workload-apis.ts';
import { type Clock, systemClock } from '../../../../src/kube/index.ts';
import {
  type Certificate,
  type CertificateTemplate,
  encodePrivateKey,
  parseCertificate,
} from '../../../../src/pki/index.ts';
import type { LogFields } from '../../../../src/runtime/log-keys.ts';
import { type Logger, silentLogger } from '../../../../src/runtime/log.ts';
import { Authority, newKey } from '../../../unit/driver/support/authority.ts';
import { specOf } from '../../../unit/driver/support/builders.ts';

/** Volumes in folders of this machine with sockets of the Workload API in them; no cluster and no mount. */
export class WorkloadApiStand {
  readonly directory = fs.mkdtempSync(join(tmpdir(), 'certmount-wl-'));
  readonly files = new VolumeFiles({}, { fs, now: () => new Date() });
  readonly apis: WorkloadApis;
  readonly warnings: string[] = [];
  readonly authority: Authority;

  private constructor(authority: Authority, limits: Partial<WorkloadApiLimits>, clock: Clock) {
    this.authority = authority;
    this.apis = this.newProcess(limits, clock);
  }

  static async start(
    limits: Partial<WorkloadApiLimits> = {},
    clock: Clock = systemClock,
  ): Promise<WorkloadApiStand> {
    return new WorkloadApiStand(await Authority.create(Date.now()), limits, clock);
  }

  /** As a driver that is started again has it. */
  newProcess(limits: Partial<WorkloadApiLimits> = {}, clock: Clock = systemClock): WorkloadApis {
    return new WorkloadApis(
      { limits: { ...workloadApiLimits, ...limits } },
      {
        clock,
        fs,
        files: this.files,
        randomHex: () => randomBytes(5).toString('hex'),
        log: logTo(this.warnings),
      },
    );
  }

  newVolume(name: string, spec: Partial<VolumeSpec> = {}): SvidVolume {
    const targetPath = join(this.directory, name);
    fs.mkdirSync(targetPath, { recursive: true });
    return new SvidVolume(
      { ...specOf({ 'workload-api': 'true' }, targetPath), volumeId: name, ...spec },
      this.authority,
      this.files,
    );
  }

  async stop(): Promise<void> {
    await this.apis.closeAll();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

export class SvidVolume {
  readonly spec: VolumeSpec;
  readonly #authority: Authority;
  readonly #files: VolumeFiles;

  constructor(spec: VolumeSpec, authority: Authority, files: VolumeFiles) {
    this.spec = spec;
    this.#authority = authority;
    this.#files = files;
  }

  get socket(): string {
    return join(this.spec.targetPath, 'workload-api.sock');
  }

  /** Writes the next generation, and leaves it to the test to tell of it. */
  async issue(
    changes: Partial<CertificateTemplate> = {},
    anchors: readonly Certificate[] = [this.#authority.certificate],
    intermediates: readonly Certificate[] = [],
  ): Promise<Certificate> {
    const key = await newKey();
    const pem = await this.#authority.issue(this.spec, key, Date.now(), changes);
    this.#files.write(this.spec.targetPath, {
      group: undefined,
      files: new Map([
        ['tls.key', encodePrivateKey(key, 'PKCS8')],
        ['tls.crt', pem + pemOf(intermediates)],
        ['ca.crt', pemOf(anchors)],
      ]),
    });
    return parseCertificate(pem);
  }
}

function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('');
}

function logTo(warnings: string[]): Logger {
  const warn = (_fields: LogFields, message: string): void => void warnings.push(message);
  const log: Logger = { ...silentLogger, warn, error: warn, child: () => log };
  return log;
}
