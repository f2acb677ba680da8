import type { AnchorSet } from '../../../src/api/anchor-set.ts';
import { anchorSets } from '../../../src/api/anchor-set.ts';
import { getCondition } from '../../../src/api/condition.ts';
import { KubeClient, Reflector, systemClock } from '../../../src/kube/index.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { eventually } from '../../support/eventually.ts';

/** An AnchorSet as it was for a while. */
export interface AnchorState {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pem: string;
  /** Of the condition Rotating; empty where there is none. */
  readonly reason: string;
  readonly nodes: number;
  readonly covered: number;
}

/** Everything that an AnchorSet ever said. */
export class AnchorHistory {
  readonly states: AnchorState[] = [];
  readonly #ending = new AbortController();
  readonly #client: KubeClient;

  private constructor(client: KubeClient) {
    this.#client = client;
  }

  static async start(controlPlane: ControlPlane, name: string): Promise<AnchorHistory> {
    const connection = await controlPlane.connection('admin');
    const deps = { clock: systemClock, random: Math.random };
    const history = new AnchorHistory(new KubeClient({ connection, userAgent: 'certmount-test' }, deps));
    const reflector = new Reflector({ resource: history.#client.resource(anchorSets) }, deps);
    reflector.subscribe(({ object }) => {
      if (object.metadata.name === name) history.states.push(stateOf(object));
    });
    reflector.run(history.#ending.signal).catch(() => {});
    return history;
  }

  /** The first state from now on that is so, and be it the present one. */
  when(what: string, is: (state: AnchorState) => boolean, timeoutMs: number): Promise<AnchorState> {
    const from = Math.max(this.states.length - 1, 0);
    return eventually(what, () => this.states.slice(from).find(is), timeoutMs);
  }

  stop(): void {
    this.#ending.abort();
    this.#client.close();
  }
}

function stateOf({ spec, status }: AnchorSet): AnchorState {
  const { nodes = 0, covered = 0 } = status?.coverage ?? {};
  const reason = getCondition(status?.conditions, 'Rotating')?.reason ?? '';
  return { at: Date.now(), pem: spec.anchors, reason, nodes, covered };
}
