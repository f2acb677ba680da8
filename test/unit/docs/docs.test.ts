import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { ApprovalMetrics } from '../../../src/controller/approval/approval-metrics.ts';
import { proofFailures } from '../../../src/controller/approval/proof/proof-failure.ts';
import { ControllerMetrics } from '../../../src/controller/metrics.ts';
import { controllerFlags } from '../../../src/controller/options.ts';
import { waitReasons } from '../../../src/controller/pod-certificates/pod-certificate-outcome.ts';
import { problems } from '../../../src/controller/requests/problem.ts';
import { BundleMetrics } from '../../../src/controller/trust/bundles/bundle-metrics.ts';
import { TrustMetrics } from '../../../src/controller/trust/metrics.ts';
import type { RotationReport } from '../../../src/controller/trust/rotation/rotation-report.ts';
import { rotationGates, rotationPhases } from '../../../src/controller/trust/rotation/rotation.ts';
import { driverMetrics } from '../../../src/driver/metrics.ts';
import { driverFlags } from '../../../src/driver/options.ts';
import { knownAttributes } from '../../../src/driver/volume/attributes/known-attributes.ts';
import type { PodEventReason } from '../../../src/driver/volume/pod-events.ts';
import type { Volume } from '../../../src/driver/volume/volume.ts';
import { environmentName, flagName } from '../../../src/runtime/flags.ts';
import { Metrics } from '../../../src/runtime/metrics.ts';
import { addProcessMetrics } from '../../../src/runtime/process-metrics.ts';
import { root } from '../../../tools/run-command.ts';
import { benches } from '../../bench/benches.ts';
import { suites } from '../../runner/suites.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Exhaustive: a new one does not compile until it is written down here, and then the documents have to name it. */
const eventReasons: Record<PodEventReason, true> = {
  CertificateExpired: true,
  CertificateIssued: true,
  CertificatePending: true,
  CertificateRenewalFailed: true,
  SubPathNeverUpdates: true,
  TrustNotUpdated: true,
  VolumeNotRenewed: true,
};
const states: Record<Volume['state'], true> = {
  requested: true,
  refused: true,
  waiting: true,
  live: true,
  renewing: true,
};

const rotationReasons: Record<RotationReport['reason'], true> = {
  Steady: true,
  Spreading: true,
  Held: true,
  WaitingForTrust: true,
  Draining: true,
  NoRoom: true,
};

interface Manifest {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
}

/** Names of the objects of these kinds that are installed, by whichever component. */
function installed(kinds: RegExp): string[] {
  return globSync('{deploy,daemonset}/**/*.yaml', { cwd: root })
    .flatMap((file) => parseAllDocuments(read(file)))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => kinds.test(manifest?.kind ?? ''))
    .map((manifest) => manifest?.metadata?.name ?? '');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Fails with all that the document lacks. */
function assertNames(file: string, wanted: Iterable<string>): void {
  const text = read(file);
  const missing = [...wanted].filter((name) => !text.includes(name));
  assert.deepEqual(missing, [], file);
}

async function metricNames(): Promise<string[]> {
  const metrics = new Metrics();
  addProcessMetrics(metrics, { version: '0', program: 'driver' });
  driverMetrics({
    metrics,
    clock: new FakeClock(),
    volumes: () => [],
    unrenewed: () => [],
    trust: () => ({ sets: 0, refused: 0, behind: 0 }),
  });
  new ControllerMetrics(metrics, () => ({
    leading: true,
    queueDepth: { certificaterequests: 0, issuers: 0 },
    openRequests: 0,
  }));
  new ApprovalMetrics(metrics);
  new BundleMetrics(metrics);
  new TrustMetrics(metrics, () => undefined);
  return [...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
}

describe('the documents', () => {
  it('name every flag with its environment variable', () => {
    const flags = [...Object.keys(driverFlags), ...Object.keys(controllerFlags)];
    const names = new Set(flags.flatMap((flag) => [`| \`${flagName(flag)}`, `\`${environmentName(flag)}\``]));
    assertNames('docs/operations.md', names);
  });

  it('name no flag that there is not', () => {
    const flags = new Set([...Object.keys(driverFlags), ...Object.keys(controllerFlags)].map(flagName));
    const rows = read('docs/operations.md').matchAll(/^\| `(--[a-z-]+)/gm);
    assert.deepEqual(
      [...rows].map(([, flag = '']) => flag).filter((flag) => !flags.has(flag)),
      [],
    );
  });

  it('name every volume attribute', () => {
    assertNames(
      'docs/attributes.md',
      knownAttributes.map((name) => `| \`${name}\``),
    );
  });

  it('leave no class of metrics out of this test', () => {
    const classes = globSync('src/controller/**/*.ts', { cwd: root }).flatMap((file) =>
      [...read(file).matchAll(/^export class (\w+Metrics)\b/gm)].map(([, name = '']) => name),
    );
    // ControllerMetrics makes the last two.
    const known = ['ControllerMetrics', 'ApprovalMetrics', 'BundleMetrics', 'TrustMetrics'];
    assert.deepEqual(
      classes.toSorted(),
      [...known, 'PodCertificateMetrics', 'SigningRequestMetrics'].toSorted(),
    );
  });

  it('name every metric', async () => {
    const names = await metricNames();
    assert.ok(names.length > 40);
    assertNames(
      'docs/operations.md',
      names.map((name) => `\`${name}\``),
    );
  });

  it('name every Event of the driver and every state of a volume', () => {
    const reasons = Object.keys(eventReasons).map((reason) => `\`${reason}\``);
    assertNames('docs/operations.md', [...reasons, ...Object.keys(states).map((state) => `\`${state}\``)]);
    assertNames(
      'docs/architecture.md',
      Object.keys(states)
        .map((state) => `- **${state}**`)
        .filter((text) => !/live|renewing/.test(text)),
    );
  });

  it('name every reason that the controller has for what it does not do', () => {
    const quoted = (names: Iterable<string>): string[] => [...names].map((name) => `\`${name}\``);
    assertNames('docs/operations.md', quoted(proofFailures));
    assertNames('docs/troubleshooting.md', quoted(Object.keys(problems)));
    assertNames('docs/pod-certificates.md', quoted(waitReasons));
    assertNames('docs/operations.md', quoted(rotationPhases));
    assertNames('docs/ca-rotation.md', quoted(Object.keys(rotationReasons)));
    assertNames(
      'docs/ca-rotation.md',
      rotationGates.map((gate) => `\`certmount.io/ca-rotation: ${gate}\``),
    );
  });

  it('name every resource definition and every admission policy', () => {
    const names = installed(/^(?:CustomResourceDefinition|(?:Validating|Mutating)AdmissionPolicy)$/);
    assert.ok(names.length > 15);
    assertNames(
      'docs/operations.md',
      names.map((name) => `\`${name}\``),
    );
  });

  it('name every option of the installer', () => {
    const options = [...read('deploy/install.sh').matchAll(/^ {2}(--[a-z-]+)/gm)].map(
      ([, name = '']) => name,
    );
    assert.ok(options.length > 3);
    assertNames(
      'docs/operations.md',
      options.filter((name) => name !== '--help').map((name) => `\`${name}`),
    );
  });

  it('name every bench', () => {
    assertNames(
      'docs/benchmarks.md',
      benches.map(({ name }) => ` ${name}`),
    );
  });

  it('name every component', () => {
    const components = globSync('{daemonset,deploy}/components/*', { cwd: root });
    assert.ok(components.length > 0);
    assertNames(
      'docs/operations.md',
      components.map((component) => `| \`${component}\``),
    );
  });

  it('name every suite with its limit', () => {
    const rows = read('docs/testing.md')
      .split('\n')
      .map((row) => row.replace(/ +/g, ' '));
    for (const { limitMinutes, name } of suites) {
      const row = rows.find((line) => line.startsWith(`| \`${name}\``)) ?? assert.fail(name);
      if (name !== 'lint') assert.ok(row.endsWith(`| ${limitMinutes} min |`), row);
    }
  });

  it('name every decision', () => {
    const decisions = globSync('docs/decisions/0*.md', { cwd: root });
    assertNames(
      'docs/decisions/README.md',
      decisions.map((file) => {
        const title = /^# (.*)$/m.exec(read(file))?.[1];
        return `[${title}](${basename(file)})`;
      }),
    );
  });

  it('say to run no script that there is not', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const file of globSync('{*.md,docs/**/*.md}', { cwd: root })) {
      const named = [...read(file).matchAll(/npm run (?:--silent )?([a-z-]+)/g)].map(([, name = '']) => name);
      assert.deepEqual(
        named.filter((name) => !(name in scripts)),
        [],
        file,
      );
    }
  });

  it('are in the list of the README', () => {
    assertNames(
      'README.md',
      globSync('docs/*.md', { cwd: root }).map((file) => `](${file}`),
    );
  });
});
