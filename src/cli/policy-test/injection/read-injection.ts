import { celEnv, isCelError, isCelMap, parse, plan } from '@bufbuild/cel';
import { ToolError } from '../../../runtime/tool.ts';
import { type Manifest, manifestText } from '../read-manifests.ts';
import { type Injection, usualInjection } from './settings.ts';

/** Of admissionregistration.k8s.io what is read. */
interface MutatingPolicy {
  readonly spec: { readonly variables?: readonly { readonly name: string; readonly expression: string }[] };
}

/**
 * Driver and defaults of the cluster's injection, where its policy is among the objects; else those of the component.
 *
 * @param driverNames of the drivers that the cluster has: without a policy, it injects volumes of one of these
 * @throws {ToolError} when a patch of them is no text, or no map of texts
 */
export function readInjection(manifests: readonly Manifest[], driverNames: readonly string[]): Injection {
  const manifest = manifests.find(
    ({ object }) => object.kind === 'MutatingAdmissionPolicy' && object.metadata.name === 'certmount-inject',
  );
  if (manifest === undefined) {
    const [first = usualInjection.driver] = driverNames;
    return driverNames.includes(usualInjection.driver)
      ? usualInjection
      : { ...usualInjection, driver: first };
  }
  const { variables = [] } = (manifest.object as unknown as MutatingPolicy).spec;
  const valueOf = (name: string): unknown => {
    const expression = variables.find((variable) => variable.name === name)?.expression ?? '';
    try {
      const value = plan(celEnv(), parse(expression).expr)({});
      return isCelMap(value) ? Object.fromEntries([...value]) : isCelError(value) ? undefined : value;
    } catch {
      return undefined;
    }
  };
  const [driver, defaults] = [valueOf('driver'), valueOf('defaults')];
  const where = `${manifestText(manifest)}: spec.variables`;
  if (typeof driver !== 'string') throw new ToolError(`${where}: driver must be a text in CEL`);
  if (!isTexts(defaults)) throw new ToolError(`${where}: defaults must be a map of texts in CEL`);
  return { driver, defaults };
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((each) => typeof each === 'string')
  );
}
