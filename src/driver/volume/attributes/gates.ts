import type { PodGate } from '../pods/pod-gate.ts';
import type { VolumeSpec } from '../volume-spec.ts';
import type { AttributeReader } from './attribute-reader.ts';

const families = ['any', 'ipv4', 'ipv6'] as const;
const statuses = ['True', 'False', 'Unknown'] as const;
/** Of a condition's type and an annotation's key. */
const qualifiedName =
  /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
/** The kubelet sets them when the pod's containers run, for which its volumes have to be there. */
const conditionsOfRunningPods = ['PodReadyToStartContainers', 'ContainersReady', 'Ready'];

export function startOf(reader: AttributeReader): VolumeSpec['start'] {
  return reader.choice('start', ['with-certificate', 'without-certificate']) ?? 'with-certificate';
}

/** When the certificate is asked for, and whether the containers wait for it. Read after every name. */
export function readStart(reader: AttributeReader): Pick<VolumeSpec, 'gates' | 'start'> {
  const start = startOf(reader);
  const gates = reader.list('wait-for').map((text) => readGate(reader, text));
  const [withAddress] = reader.withAddress;
  if (withAddress !== undefined && !gates.some(({ gate }) => gate === 'pod-ip'))
    gates.push({ gate: 'pod-ip', family: 'any' });
  if (start === 'with-certificate') {
    const advice = 'set start: without-certificate';
    if (withAddress !== undefined)
      throw reader.refuse(
        withAddress,
        `the pod gets its address only after its volumes are mounted: ${advice}`,
      );
    if (gates.some(comesAfterMount))
      throw reader.refuse('wait-for', `the pod gets this only after its volumes are mounted: ${advice}`);
  }
  return { gates, start };
}

function comesAfterMount(gate: PodGate): boolean {
  if (gate.gate === 'pod-ip') return true;
  return (
    gate.gate === 'pod-condition' && gate.status === 'True' && conditionsOfRunningPods.includes(gate.type)
  );
}

/** The syntax of csi-driver's --pod-readiness-gate. */
function readGate(reader: AttributeReader, text: string): PodGate {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const value = colon < 0 ? '' : text.slice(colon + 1);
  const refuse = (what: string): Error =>
    reader.refuse('wait-for', `${JSON.stringify(text)} must be ${what}`);
  switch (kind) {
    case 'pod-ip': {
      const family = families.find((name) => name === (colon < 0 ? 'any' : value));
      if (family === undefined) throw refuse('pod-ip, pod-ip:any, pod-ip:ipv4 or pod-ip:ipv6');
      return { gate: 'pod-ip', family };
    }
    case 'pod-condition': {
      const [type = '', wanted = 'True', ...rest] = value.split('=');
      const status = statuses.find((name) => name === wanted);
      if (status === undefined || rest.length > 0 || !qualifiedName.test(type))
        throw refuse(
          'pod-condition:TYPE or pod-condition:TYPE=STATUS with the status True, False or Unknown',
        );
      return { gate: 'pod-condition', type, status };
    }
    case 'pod-annotation':
      if (!qualifiedName.test(value)) throw refuse('pod-annotation:KEY with the key of an annotation');
      return { gate: 'pod-annotation', key: value };
    default:
      throw refuse('pod-ip, pod-condition:TYPE or pod-annotation:KEY');
  }
}
