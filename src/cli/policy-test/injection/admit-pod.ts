import type { Pod } from '../../../api/core.ts';
import { annotationFault } from './annotation-fault.ts';
import {
  type Annotations,
  asksAnnotation,
  attributeSettings,
  type Injection,
  issuerSettings,
  settingPrefix,
  untouchedNamespaces,
  volumeName,
} from './settings.ts';

/** What becomes of a pod before it is stored. */
export type Admission =
  | { readonly outcome: 'admitted'; readonly pod: Pod }
  /** In the words of the API server. */
  | { readonly outcome: 'refused'; readonly message: string };

/**
 * The pod with the volume that it is injected, if it is: mounts and environment change nothing in what it asks for.
 *
 * @param ofNamespace annotations of the pod's namespace
 */
export function admitPod(pod: Pod, ofNamespace: Annotations, injection: Injection): Admission {
  const { annotations: ofPod = {}, namespace = '' } = pod.metadata;
  if (untouchedNamespaces.includes(namespace)) return { outcome: 'admitted', pod };
  const fault = annotationFault(ofPod);
  if (fault !== undefined) return { outcome: 'refused', message: fault };
  const asks = ofPod[asksAnnotation] ?? (isForWindows(pod) ? undefined : ofNamespace[asksAnnotation]);
  if (asks !== 'true' || 'kubernetes.io/config.mirror' in ofPod) return { outcome: 'admitted', pod };
  const injected = inject(pod, ofNamespace, injection);
  const refusal = refusalOf(injected, injection);
  return refusal === undefined
    ? { outcome: 'admitted', pod: injected }
    : { outcome: 'refused', message: refusal };
}

/** mutating-policy.yaml */
function inject(pod: Pod, ofNamespace: Annotations, { defaults, driver }: Injection): Pod {
  const { spec } = pod;
  const { volumes = [] } = spec;
  if (isForWindows(pod) || volumes.some(({ csi, name }) => name === volumeName || csi?.driver === driver))
    return pod;
  const ofPod = pod.metadata.annotations ?? {};
  const key = (name: string): string => `${settingPrefix}${name}`;
  const setting = (name: string): string | undefined =>
    ofPod[key(name)] ?? ofNamespace[key(name)] ?? defaults[name];
  // An issuer is one thing: all of it comes from where a part of it is said first.
  const ofIssuer = [ofPod, ofNamespace].find((said) => issuerSettings.some((name) => key(name) in said));
  const issuer = issuerSettings.map((name) => [
    name,
    (ofIssuer === undefined ? defaults[name] : ofIssuer[key(name)]) ?? '',
  ]);
  const byDefault = (name: string): string =>
    name === 'fs-group' ? groupOf(pod, setting('exclude-containers') ?? '') : '';
  const others = attributeSettings.map((name) => [name, setting(name) ?? byDefault(name)]);
  const volumeAttributes = Object.fromEntries(
    [...issuer, ...others].filter(([, value]) => value !== ''),
  ) as Record<string, string>;
  const volume = { name: volumeName, csi: { driver, readOnly: true, volumeAttributes } };
  return { ...pod, spec: { ...spec, volumes: [...volumes, volume] } };
}

/** The group that the processes have, where there is no fsGroup. */
function groupOf(pod: Pod, excluded: string): string {
  const { securityContext } = pod.spec;
  const ofPod = securityContext?.runAsGroup ?? 0;
  const names = listOf(excluded);
  const groups = containersOf(pod)
    .filter(({ name }) => !names.includes(name))
    .map((container) => container.securityContext?.runAsGroup ?? ofPod);
  const [first = ofPod, ...others] = groups;
  const group = others.every((other) => other === first) ? first : ofPod;
  return securityContext?.fsGroup !== undefined || group === 0 ? '' : String(group);
}

/** volume-policy.yaml, of a pod that is to have an identity. */
function refusalOf(pod: Pod, { driver }: Injection): string | undefined {
  const { volumes = [] } = pod.spec;
  if (isForWindows(pod))
    return `${asksAnnotation}: the pod is for Windows, where the driver does not run: it must be "false" or left out`;
  if (!volumes.some(({ csi }) => csi?.driver === driver))
    return `${asksAnnotation}: the pod has a volume named ${volumeName} that is not of the driver ${driver}; give it another name`;
  const names = containersOf(pod).map(({ name }) => name);
  const excluded = `${settingPrefix}exclude-containers`;
  const stranger = listOf(pod.metadata.annotations?.[excluded] ?? '').find((name) => !names.includes(name));
  return stranger === undefined
    ? undefined
    : `${excluded}: "${stranger}" must be a container of the pod: there are ${names.join(', ')}`;
}

function isForWindows({ spec }: Pod): boolean {
  return spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows';
}

function containersOf({ spec: { containers = [], initContainers = [] } }: Pod) {
  return [...containers, ...initContainers];
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
