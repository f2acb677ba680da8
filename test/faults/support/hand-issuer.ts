import { type CertificateRequest } from '../../../src/api/certificate-request.ts';
import { requestAnnotations } from '../../../src/api/driver-requests.ts';
import { isKubeError, type Reflector, type Resource } from '../../../src/kube/index.ts';
import { Authority, deniedStatus } from '../../unit/driver/support/authority.ts';

export type Mode = 'sign' | 'deny' | 'wait';

/** Attributes of a volume whose certificates the test has in its hand. */
export const handIssued = { 'issuer-name': 'hand', 'issuer-kind': 'Hand', 'issuer-group': 'faults.example' };

/** Approver and issuer of a group of its own that does with each volume's requests what the test wants. */
export class HandIssuer {
  readonly #authority: Authority;
  readonly #requests: Resource<CertificateRequest>;
  readonly #reflector: Reflector<CertificateRequest>;
  readonly #modes = new Map<string, Mode>();

  private constructor(
    authority: Authority,
    requests: Resource<CertificateRequest>,
    reflector: Reflector<CertificateRequest>,
  ) {
    this.#authority = authority;
    this.#requests = requests;
    this.#reflector = reflector;
    reflector.subscribe(({ object, type }) => {
      if (type !== 'deleted') void this.#answer(object);
    });
  }

  static async start(
    requests: Resource<CertificateRequest>,
    reflector: Reflector<CertificateRequest>,
  ): Promise<HandIssuer> {
    return new HandIssuer(await Authority.create(Date.now()), requests, reflector);
  }

  /** For requests there are and requests to come; 'sign' is what it does untold. */
  async set(volumeId: string, mode: Mode): Promise<void> {
    this.#modes.set(volumeId, mode);
    const waiting = [...this.#reflector.list()].filter((request) => volumeOf(request) === volumeId);
    await Promise.all(waiting.map((request) => this.#answer(request)));
  }

  async #answer(request: CertificateRequest): Promise<void> {
    const mode = this.#modes.get(volumeOf(request)) ?? 'sign';
    const { conditions = [] } = request.status ?? {};
    if (request.spec.issuerRef.group !== handIssued['issuer-group'] || conditions.length > 0) return;
    if (mode === 'wait') return;
    const status =
      mode === 'deny' ? deniedStatus('not today') : await this.#authority.sign(request, Date.now());
    await this.#requests.replaceStatus({ ...request, status }).catch((error: unknown) => {
      // Deleted meanwhile, or answered at the same time.
      if (!isKubeError(error, 'not-found', 'conflict')) throw error;
    });
  }
}

function volumeOf(request: CertificateRequest): string {
  return request.metadata.annotations?.[requestAnnotations.volumeId] ?? '';
}
