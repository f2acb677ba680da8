import { bundleLabel } from '../../../../api/bundle.ts';
import type { Bundle, BundleSource, SourceIssuer, SourceObject } from '../../../../api/bundle.ts';
import type { IssuerKey } from '../../../issuers/issuer-key.ts';
import type { TermIssuers } from '../../../term-part.ts';
import type { IssuerAnchors } from '../../issuer-anchors.ts';
import type { SourceContent, SourceFailure, SourceText } from '../gather-anchors.ts';
import type { SelectionState, SourceEntries } from './source-objects.ts';
import { selectionOf, selectionText } from './source-selection.ts';
import type { SourceSelection } from './source-selection.ts';
import type { SystemRoots } from './system-roots.ts';

export interface ReadSourcesDependencies {
  readonly objects: { find(selection: SourceSelection): SelectionState };
  readonly issuers: Pick<TermIssuers, 'state'>;
  readonly anchors: Pick<IssuerAnchors, 'of'>;
  readonly roots: () => SystemRoots;
}

/** What each source of a Bundle has, in their order. */
export function readSources(bundle: Bundle, deps: ReadSourcesDependencies): readonly SourceContent[] {
  return bundle.spec.sources.map((source, index) => readSource(bundle, source, `sources[${index}]`, deps));
}

/** The issuers among the sources. */
export function sourceIssuers({ spec }: Bundle): readonly IssuerKey[] {
  return spec.sources.flatMap(({ issuer }) => (issuer === undefined ? [] : [keyOfIssuer(issuer)]));
}

function readSource(
  bundle: Bundle,
  source: BundleSource,
  position: string,
  deps: ReadSourcesDependencies,
): SourceContent {
  const { inLine, issuer, useDefaultCAs } = source;
  if (inLine !== undefined) {
    return { state: 'texts', texts: [{ name: `${position}.inLine`, pem: inLine }] };
  }
  if (issuer !== undefined) return readIssuer(issuer, deps);
  if (useDefaultCAs !== undefined) {
    if (!useDefaultCAs) return { state: 'texts', texts: [] };
    return { state: 'certificates', name: 'default CAs', certificates: deps.roots().certificates };
  }
  const selection = selectionOf(source);
  const reference = source.configMap ?? source.secret;
  if (selection === undefined || reference === undefined) {
    return failed('invalid', `${position} names neither an object nor a selector`);
  }
  return readObjects(bundle, selection, reference, deps.objects.find(selection));
}

function readObjects(
  bundle: Bundle,
  selection: SourceSelection,
  reference: SourceObject,
  found: SelectionState,
): SourceContent {
  if (found.state === 'loading') return found;
  const what = selectionText(selection);
  if (found.state === 'unavailable') return failed('unavailable', `${what}: ${found.message}`);
  const byName = 'name' in selection.by;
  // What this Bundle wrote would keep itself alive for ever.
  const objects = found.objects.filter(({ labels }) => labels[bundleLabel] !== bundle.metadata.name);
  if (byName && objects.length === 0) {
    return found.objects.length === 0
      ? failed('not-found', `${what} does not exist in the trust namespace`)
      : failed('invalid', `${what} is a target of this Bundle`);
  }
  const texts: SourceText[] = [];
  for (const object of objects) {
    const read = readEntries(selection, reference, object);
    if ('state' in read) return read;
    texts.push(...read);
  }
  return { state: 'texts', texts };
}

function readEntries(
  { kind }: SourceSelection,
  { key, includeAllKeys }: SourceObject,
  { name, entries, isTls }: SourceEntries,
): readonly SourceText[] | SourceFailure {
  const what = `${kind === 'ConfigMap' ? 'configMap' : 'secret'} "${name}"`;
  if (includeAllKeys === true) {
    if (isTls)
      return failed(
        'invalid',
        `${what} is of type kubernetes.io/tls: name its key instead of includeAllKeys`,
      );
    return Object.keys(entries)
      .toSorted()
      .map((entry) => ({ name: `${what}, key "${entry}"`, pem: entries[entry] ?? '' }));
  }
  const pem = entries[key ?? ''];
  if (pem === undefined) return failed('not-found', `${what} has no key "${key ?? ''}"`);
  if (pem === '')
    return failed('invalid', `${what}, key "${key ?? ''}" has no certificate, or more than certificates`);
  return [{ name: `${what}, key "${key ?? ''}"`, pem }];
}

function readIssuer(issuer: SourceIssuer, { issuers, anchors }: ReadSourcesDependencies): SourceContent {
  const key = keyOfIssuer(issuer);
  const name =
    key.kind === 'Issuer' ? `Issuer "${key.namespace}/${key.name}"` : `ClusterIssuer "${key.name}"`;
  const state = issuers.state(key);
  if (state === undefined) return failed('not-found', `${name} does not exist`);
  const certificates = anchors.of(key);
  if (certificates === undefined) {
    if (state.state === 'loading') return state;
    const because = 'message' in state ? `: ${state.message}` : '';
    return failed('unavailable', `${name} is not ready${because}`);
  }
  if (certificates.length === 0) return failed('invalid', `${name} has no anchors to give`);
  return { state: 'certificates', name, certificates };
}

function keyOfIssuer({ kind, name, namespace = '' }: SourceIssuer): IssuerKey {
  return kind === 'Issuer' ? { kind, namespace, name } : { kind, name };
}

function failed(reason: SourceFailure['reason'], message: string): SourceFailure {
  return { state: 'failed', reason, message };
}
