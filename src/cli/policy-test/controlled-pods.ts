import type { Pod } from '../../api/core.ts';
import { isObject } from './schema-faults.ts';

/** What the controller of a workload gives the first of its pods beside their template. */
export interface ControlledPod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Pick<Pod['spec'], 'hostname' | 'subdomain'>;
}

/**
 * @param name of the workload
 * @param spec that its template lies in, of the form that its kind has
 */
export type PodNaming = (name: string, spec: Readonly<Record<string, unknown>>) => ControlledPod;

/** Of what it puts random letters behind, the API server keeps so many characters. */
const longestBase = 58;

/** As the API server makes it of `metadata.generateName`. */
export function generatedName(base: string): string {
  return `${base.slice(0, longestBase)}x2x4q`;
}

export const asNamed: PodNaming = (name) => ({ name, labels: {}, spec: {} });

/** @param suffix of the base of a generated name */
export function generated(suffix: string): PodNaming {
  return (name) => asNamed(generatedName(`${name}${suffix}`), {});
}

export const ofStatefulSet: PodNaming = (name, { ordinals, serviceName: subdomain }) => {
  const start = isObject(ordinals) ? ordinals['start'] : undefined;
  const index = typeof start === 'number' ? start : 0;
  const hostname = `${name}-${index}`;
  return {
    name: hostname,
    labels: { 'statefulset.kubernetes.io/pod-name': hostname, 'apps.kubernetes.io/pod-index': String(index) },
    spec: { hostname, ...(typeof subdomain === 'string' && { subdomain }) },
  };
};

export const ofJob: PodNaming = (name, { completionMode, manualSelector }) => {
  // Who selects the pods of a Job himself labels them himself.
  const labels = manualSelector === true ? {} : { 'job-name': name, 'batch.kubernetes.io/job-name': name };
  if (completionMode !== 'Indexed') return { name: generatedName(`${name}-`), labels, spec: {} };
  const hostname = `${name}-0`;
  return {
    name: generatedName(`${hostname}-`),
    labels: { ...labels, 'batch.kubernetes.io/job-completion-index': '0' },
    spec: { hostname },
  };
};

/** Its Jobs are named for the minute that each is due. */
export const ofCronJob: PodNaming = (name, spec) => ofJob(`${name}-29000000`, spec);
