import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type KubeClient, LeaderElector, leases } from '../../../src/kube/index.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { clientOf, deps, eventually } from './support/api.ts';

const times = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 250 };

let cluster: ControlPlane;
const candidates: Candidate[] = [];

before(async () => {
  cluster = await startControlPlane({ controllerManager: false });
});
after(() => cluster.stop());
afterEach(async () => {
  await Promise.all(candidates.splice(0).map((candidate) => candidate.leave()));
});

class Candidate {
  leading = false;
  terms = 0;
  stoppedAt = 0;
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  private constructor(name: string, identity: string, leaseDurationMs: number, client: KubeClient) {
    this.#client = client;
    const elector = new LeaderElector(
      { namespace: 'default', name, identity, ...times, leaseDurationMs },
      { client, ...deps },
    );
    this.#running = elector.run(this.#stop.signal, async (signal) => {
      this.terms += 1;
      this.leading = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      this.leading = false;
      this.stoppedAt = Date.now();
    });
  }

  static async join(
    name: string,
    identity: string,
    leaseDurationMs = times.leaseDurationMs,
  ): Promise<Candidate> {
    const candidate = new Candidate(name, identity, leaseDurationMs, await clientOf(cluster));
    candidates.push(candidate);
    return candidate;
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#client.close();
  }
}

describe('the election, against a real API server', () => {
  it('has one leader, and another as soon as that one leaves', async () => {
    // Nobody here waits for the end of this lease.
    const leaseDurationMs = 600_000;
    const a = await Candidate.join('handover', 'a', leaseDurationMs);
    await eventually('a leads', () => a.leading);
    const b = await Candidate.join('handover', 'b', leaseDurationMs);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(b.leading, false);
    await a.leave();
    await eventually('b leads', () => b.leading);
  });

  it('stops the leader before its lease runs out when the server is killed, and has one again afterwards', async () => {
    const a = await Candidate.join('killed', 'a');
    await eventually('a leads', () => a.leading);
    const b = await Candidate.join('killed', 'b');
    const admin = await clientOf(cluster);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await cluster.killApiServer();
    await eventually('a has stopped', () => !a.leading);
    await cluster.startApiServer();
    const lease = await admin.resource(leases).get({ namespace: 'default', name: 'killed' });
    await eventually('one leads', () => a.leading || b.leading);
    const renewedAt = Date.parse(lease.spec?.renewTime ?? '');
    assert.ok(a.stoppedAt < renewedAt + times.leaseDurationMs, `${a.stoppedAt} ${lease.spec?.renewTime}`);
    for (let n = 0; n < 20; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(Number(a.leading) + Number(b.leading), 1);
    }
    admin.close();
  });

  it('lasts through a short time in which the server does not answer', async () => {
    const a = await Candidate.join('short', 'a');
    await eventually('a leads', () => a.leading);
    const pid = cluster.pids['kube-apiserver'];
    assert.ok(pid);
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 800));
    process.kill(pid, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(a.leading, true);
    assert.equal(a.terms, 1);
  });

  it('stops the leader in time when the server does not answer for long', async () => {
    const a = await Candidate.join('frozen', 'a');
    await eventually('a leads', () => a.leading);
    const pid = cluster.pids['kube-apiserver'];
    assert.ok(pid);
    const frozenAt = Date.now();
    process.kill(pid, 'SIGSTOP');
    await eventually('a has stopped', () => !a.leading);
    process.kill(pid, 'SIGCONT');
    assert.ok(a.stoppedAt - frozenAt <= times.leaseDurationMs);
    await eventually('a leads again', () => a.leading);
    assert.equal(a.terms, 2);
  });
});
