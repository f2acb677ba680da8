import type { AnchorSource } from '../../../api/anchor-set.ts';

/** The reverse of anchorSourceText; undefined for what is none. */
export function parseAnchorSource(text: string): AnchorSource | undefined {
  const [kind, first = '', second = '', ...rest] = text.split('/');
  if (first === '' || rest.length > 0) return undefined;
  if (kind === 'Issuer') return second === '' ? undefined : { kind, namespace: first, name: second };
  if (second !== '' || (kind !== 'Bundle' && kind !== 'ClusterIssuer')) return undefined;
  return { kind, name: first };
}
