/** As SPIFFE Filesystem Delivery (draft) has it, in every preset: a federated trust domain has no name of its own in others. */
const anchorsSuffix = '.spiffe-trust-bundle.pem';
const bundleSuffix = '.spiffe-bundle.json';

/** PEM of the anchors of a trust domain. */
export function federatedAnchorsFile(trustDomain: string): string {
  return `${trustDomain}${anchorsSuffix}`;
}

/** The same as a SPIFFE bundle. */
export function federatedBundleFile(trustDomain: string): string {
  return `${trustDomain}${bundleSuffix}`;
}

/** Whose file a file of this name is; undefined for one that no trust domain has. */
export function trustDomainOfFile(name: string): string | undefined {
  const suffix = [anchorsSuffix, bundleSuffix].find((end) => name.endsWith(end));
  return suffix === undefined || name.length === suffix.length ? undefined : name.slice(0, -suffix.length);
}

/** NAME_MAX of Linux leaves so much for the trust domain. */
export const longestFederatedDomain = 255 - anchorsSuffix.length;
