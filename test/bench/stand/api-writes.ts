import type { KubeClient } from '../../../src/kube/index.ts';

/** Writes that the API server has taken since its start, by `resource` or `resource/subresource`. */
export type ApiWrites = ReadonlyMap<string, number>;

const writing: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'APPLY']);

export async function readApiWrites(admin: KubeClient): Promise<ApiWrites> {
  const metrics = await admin.request<string>({ method: 'GET', path: '/metrics' });
  const writes = new Map<string, number>();
  for (const [, labels = '', value] of metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const { resource = '', subresource = '', verb = '' } = labelsOf(labels);
    if (!writing.has(verb)) continue;
    const name = subresource === '' ? resource : `${resource}/${subresource}`;
    writes.set(name, (writes.get(name) ?? 0) + Number(value));
  }
  return writes;
}

export function writesBetween(before: ApiWrites, after: ApiWrites): ApiWrites {
  const difference = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return new Map(difference.filter(([, count]) => count > 0));
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}
