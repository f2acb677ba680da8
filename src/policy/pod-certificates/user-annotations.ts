import type { PodCertificateRequestSpec } from '../../api/pod-certificate-request.ts';
import { certmountGroup } from '../../api/groups.ts';
import { checkDnsName, isPkiError } from '../../pki/index.ts';
import { canonicalIp } from '../policy-pod.ts';
import { nearest } from '../../runtime/nearest.ts';

/** What a pod's author may ask for beside the pod's identity; whether the pod gets it is the policies' to say. */
export interface UserAnnotations {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly commonName: string | undefined;
}

/** Of the request what its annotations are read with. */
type Asking = Pick<
  PodCertificateRequestSpec,
  'podName' | 'podUID' | 'serviceAccountName' | 'unverifiedUserAnnotations'
>;

export type ParsedUserAnnotations =
  | ({ readonly valid: true } & UserAnnotations)
  /** The message names the key, its value and what is allowed. */
  | { readonly valid: false; readonly message: string };

const userAnnotationKeys = {
  dnsNames: `${certmountGroup}/dns-names`,
  ipAddresses: `${certmountGroup}/ip-sans`,
  commonName: `${certmountGroup}/common-name`,
} as const;

/** As many as are useful: verifiers look at each, and each makes the chain longer. */
const mostNames = 100;
/** ub-common-name of RFC 5280. */
const longestCommonName = 64;

/** Reads `userAnnotations` of a projection. One that is not known is an error, so that none is overlooked. */
export function parseUserAnnotations(spec: Asking, namespace: string): ParsedUserAnnotations {
  const given = spec.unverifiedUserAnnotations ?? {};
  const known: readonly string[] = Object.values(userAnnotationKeys);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) return invalid(unknownKey(unknown, known));

  const dnsNames = list(given[userAnnotationKeys.dnsNames]).map((name) => expand(name, spec, namespace));
  const addresses = list(given[userAnnotationKeys.ipAddresses]);
  // Policies judge what is signed, and that has one way of writing each.
  const ipAddresses = addresses.flatMap((address) => canonicalIp(address) ?? []);
  const commonName = given[userAnnotationKeys.commonName];
  const badName = dnsNames.map(dnsProblem).find((problem) => problem !== undefined);
  if (badName !== undefined) return invalid(`${userAnnotationKeys.dnsNames}: ${badName}`);
  const badAddress = addresses.find((address) => canonicalIp(address) === undefined);
  if (badAddress !== undefined) {
    return invalid(`${userAnnotationKeys.ipAddresses}: ${JSON.stringify(badAddress)} is not an IP address`);
  }
  if (dnsNames.length + ipAddresses.length > mostNames) {
    return invalid(
      `${dnsNames.length + ipAddresses.length} names are asked for, at most ${mostNames} are allowed`,
    );
  }
  const subject = commonName === undefined ? undefined : expand(commonName.trim(), spec, namespace);
  if (subject !== undefined && !isCommonName(subject)) {
    return invalid(
      `${userAnnotationKeys.commonName}: ${JSON.stringify(subject)} must have 1 to ${longestCommonName} printable characters`,
    );
  }
  return { valid: true, dnsNames, ipAddresses, commonName: subject };
}

function list(text = ''): string[] {
  return text
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '');
}

/** The variables that cert-manager's csi-driver has: the pods of one Deployment share their annotations. */
function expand(text: string, spec: Asking, namespace: string): string {
  const values: Readonly<Record<string, string>> = {
    POD_NAME: spec.podName,
    POD_NAMESPACE: namespace,
    POD_UID: spec.podUID,
    SERVICE_ACCOUNT_NAME: spec.serviceAccountName,
  };
  return text.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function dnsProblem(name: string): string | undefined {
  try {
    checkDnsName(name);
    return undefined;
  } catch (error) {
    if (isPkiError(error)) return error.message;
    throw error;
  }
}

function isCommonName(text: string): boolean {
  return text !== '' && text.length <= longestCommonName && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const advice = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `user annotation ${JSON.stringify(key)} is not known: ${advice}`;
}

function invalid(message: string): ParsedUserAnnotations {
  return { valid: false, message };
}
