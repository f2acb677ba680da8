import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkPublishRequest } from '../../../src/driver/csi/check-request.ts';
import type { NodePublishVolumeRequest__Output } from '../../../src/driver/csi/generated/csi/v1/NodePublishVolumeRequest.ts';
import { passwordsOf } from '../../../src/driver/volume/passwords.ts';
import { defaultPolicy, evaluate, violationText } from '../../../src/policy/index.ts';
import { root } from '../../../tools/run-command.ts';
import {
  claimKeys,
  newCluster,
  newPod,
  ofDriver,
  ofPod,
  owner,
  Scene,
} from '../controller/approval/support/scene.ts';
import { contextOf, parseSource } from '../driver/support/builders.ts';
import { aPod, aRequest, compiled, surroundings } from '../policy/support/builders.ts';

const kubeletDir = '/var/lib/kubelet';

/** Pod specs that are wrong, one for each row. */
const wrongAttributes: readonly Readonly<Record<string, string>>[] = [
  { 'issuer-nam': 'mesh' },
  { 'example.com/foo': 'x' },
  { 'cert-manager.io/private-key-secret-name': 'x' },
  { 'csi.cert-manager.io/issuer-name': 'other' },
  { 'issuer-kind': 'VaultIssuer' },
  { 'dns-names': '${POD_FOO}' },
  { 'ip-sans': '${POD_IP}' },
  { 'wait-for': 'pod-condition:Ready' },
  { 'certificate-file': '${POD_IP}' },
  { 'uri-sans': 'spiffe://cluster.local' },
  { 'renew-before': '25h' },
  { 'uri-sans': 'spiffe://cluster.local/a,https://a.example/' },
  { duration: '-1h' },
  { 'literal-subject': 'CN=a', 'common-name': 'a' },
  { 'certificate-file': 'generation' },
  { 'pkcs12-filename': 'a.p12' },
  { 'pkcs12-enable': 'true', 'pkcs12-password': 'x' },
  { 'pkcs12-enable': 'true' },
  { 'workload-api': 'true', 'uri-sans': 'https://a.example/' },
  { 'workload-api': 'true', 'key-usages': 'server auth' },
  { 'csi.storage.k8s.io/pod.name': '' },
  { 'csi.storage.k8s.io/ephemeral': 'false' },
];
const wrongCalls: readonly Partial<NodePublishVolumeRequest__Output>[] = [
  { readonly: false },
  { volume_context: withoutIssuer() },
  { target_path: '/mnt/pods/1/mount' },
  { volume_capability: capability('ext4') },
  { secrets: { 'keystore-password': 'a\n' }, volume_context: contextOf({ 'jks-enable': 'true' }) },
];

function withoutIssuer(): Record<string, string> {
  return Object.fromEntries(Object.entries(contextOf()).filter(([key]) => key !== 'issuer-name'));
}

function capability(fsType: string): NodePublishVolumeRequest__Output['volume_capability'] {
  return {
    mount: { fs_type: fsType, mount_flags: [], volume_mount_group: '' },
    access_mode: { mode: 'SINGLE_NODE_WRITER' },
    access_type: 'mount',
  };
}

/** What the driver says of a call, up to what it would do for it. */
function messageOf(changes: Partial<NodePublishVolumeRequest__Output>): string {
  const request = {
    volume_id: 'csi-1',
    target_path: `${kubeletDir}/pods/1/volumes/kubernetes.io~csi/tls/mount`,
    publish_context: {},
    staging_target_path: '',
    volume_capability: capability(''),
    readonly: true,
    secrets: {},
    volume_context: contextOf(),
    ...changes,
  };
  try {
    const source = checkPublishRequest(request, kubeletDir);
    passwordsOf(parseSource(source), source);
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail(`${JSON.stringify(changes)} is accepted`);
}

/** The first column of the table under a heading, without its back-ticks. */
function quotedUnder(heading: string): string[] {
  const text = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(heading)) ?? assert.fail(heading);
  return [...section.matchAll(/^\| `(.*?)` +\|/gm)].map(([, quoted = '']) => quoted);
}

/** `…` stands for whatever there is. */
function isQuoted(quoted: string, message: string): boolean {
  const parts = quoted.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(message);
}

describe('the messages that docs/troubleshooting.md quotes', () => {
  const messages = [
    ...wrongAttributes.map((attributes) => messageOf({ volume_context: contextOf(attributes) })),
    ...wrongCalls.map(messageOf),
  ];
  const quoted = quotedUnder('The attributes');

  it('are what the driver says of a pod spec', () => {
    assert.ok(quoted.length > 20);
    const unsaid = quoted.filter((text) => !messages.some((message) => isQuoted(text, message)));
    assert.deepEqual(unsaid, []);
  });

  it('are each tried here once', () => {
    const unquoted = messages.filter((message) => !quoted.some((text) => isQuoted(text, message)));
    assert.deepEqual(unquoted, []);
  });
});

type Asked = NonNullable<Parameters<typeof aRequest>[0]>['certificate'];

/** Certificates that the default policy gives to no pod, one for each row. */
const notAllowed: readonly Asked[] = [
  { altNames: { dnsNames: ['www.example.org'] } },
  { altNames: { dnsNames: ['*.web.svc.cluster.local'] } },
  { subject: { commonName: 'web' } },
  { altNames: { ipAddresses: ['192.0.2.1'] } },
  { altNames: { uris: ['spiffe://example.org/ns/web/sa/other'] } },
  { altNames: { emailAddresses: ['a@example.org'] } },
  { subject: { organizations: ['system:masters'] } },
  { isCA: true },
  { usages: ['code signing'] },
  { duration: 2185 * 3_600_000 },
  { key: { algorithm: 'RSA', size: 1024 } },
  { altNames: { uris: [aPod().spiffeId, 'https://a.example/'] } },
];

describe('the denials that docs/troubleshooting.md quotes', () => {
  it('are what the default policy says', () => {
    const policy = compiled(defaultPolicy);
    const messages = notAllowed.flatMap((certificate) =>
      evaluate(policy, aRequest({ pod: aPod(), certificate }), surroundings).map(violationText),
    );
    assertSame(quotedUnder('Denied by the default policy'), messages);
  });

  it('are what is said of a request that is not proven', async () => {
    const { nodeName, nodeUid } = claimKeys;
    const known = (...pods: Parameters<typeof newPod>[0][]): Scene =>
      new Scene(newCluster({ pods: pods.map(newPod) }));
    const messages = await Promise.all([
      known({}).denial(ofDriver({ extra: {} })),
      known({}).denial(ofDriver({ extra: { [nodeName]: ['a'] } })),
      known({}).denial(ofDriver({ extra: { [nodeName]: ['b'], [nodeUid]: ['node-2'] } })),
      known({}).denial(ofDriver({ metadata: { ownerReferences: [] } })),
      known({}).denial(ofDriver({ extra: { [nodeName]: ['a'], [nodeUid]: ['node-0'] } })),
      known().denial(ofDriver()),
      known({ uid: 'pod-2' }).denial(ofDriver()),
      known({ phase: 'Failed' }).denial(ofDriver()),
      known({ nodeName: 'b' }).denial(ofDriver()),
      known({ serviceAccountName: '' }).denial(ofDriver()),
      known({}).denial(ofPod({ metadata: { namespace: 'other' } })),
      known({}).denial(ofPod({ metadata: { ownerReferences: [{ ...owner, uid: 'pod-2' }] } })),
      known({ serviceAccountName: 'other' }).denial(ofPod()),
      known({}).denial(ofDriver(), 'no PEM'),
    ]);
    assertSame(quotedUnder('Not proven'), messages);
  });
});

describe('the lines of logs that docs/troubleshooting.md quotes', () => {
  it('are in the programs', () => {
    const sources = globSync('src/**/*.ts', { cwd: root })
      .map((file) => readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'"))
      .join('\n');
    const text = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
    const quoted = [...text.matchAll(/^\| log: `(.*?)`/gm)].map(([, line = '']) => line);
    assert.ok(quoted.length > 10);
    const unsaid = quoted.filter((line) => !line.split('…').every((part) => sources.includes(part)));
    assert.deepEqual(unsaid, []);
  });
});

function assertSame(quoted: readonly string[], messages: readonly string[]): void {
  assert.ok(quoted.length > 10);
  const isSaid = (text: string): boolean => messages.some((message) => isQuoted(text, message));
  assert.deepEqual(
    quoted.filter((text) => !isSaid(text)),
    [],
    'quoted, and never said',
  );
  assert.deepEqual(
    messages.filter((message) => !quoted.some((text) => isQuoted(text, message))),
    [],
    'said, and not quoted',
  );
}
