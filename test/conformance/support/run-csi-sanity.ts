import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinaries } from '../../cluster/binaries.ts';
import { stderrLog } from '../../cluster/log.ts';

export interface CsiSanityOptions {
  readonly endpoint: string;
  /** For what csi-sanity makes and removes; under the kubelet's folder. */
  readonly directory: string;
  /** Regular expression of specs that are not run. */
  readonly skip: string;
  readonly flags?: readonly string[];
}

export interface Spec {
  /** Containers and name, joined by spaces. */
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending' | 'panicked' | 'timedout';
  /** What a failed spec, or a spec that skipped itself, said. */
  readonly message: string;
}

export interface CsiSanityResult {
  readonly specs: readonly Spec[];
  readonly output: string;
}

/** Runs csi-sanity to its end; what failed is in the specs. */
export async function runCsiSanity(options: CsiSanityOptions): Promise<CsiSanityResult> {
  const { directory, endpoint, flags = [], skip } = options;
  const binaries = await findBinaries(['csi-sanity'], { log: stderrLog });
  const report = join(directory, 'report.json');
  const child = spawn(
    binaries['csi-sanity'],
    [
      `--csi.endpoint=${endpoint}`,
      `--csi.mountdir=${join(directory, 'mount')}`,
      `--csi.stagingdir=${join(directory, 'staging')}`,
      `--ginkgo.skip=${skip}`,
      `--ginkgo.json-report=${report}`,
      '--ginkgo.no-color',
      ...flags,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { specs: readReport(report), output };
}

interface GinkgoSpec {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: Spec['state'];
  readonly Failure?: { readonly Message: string };
}

function readReport(file: string): Spec[] {
  const suites = JSON.parse(readFileSync(file, 'utf8')) as readonly {
    readonly SpecReports: readonly GinkgoSpec[];
  }[];
  return suites
    .flatMap(({ SpecReports }) => SpecReports)
    .filter(({ LeafNodeType }) => LeafNodeType === 'It')
    .map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' '),
      state: spec.State,
      message: spec.Failure?.Message ?? '',
    }));
}
