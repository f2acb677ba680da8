import { resolveIssuerReference } from '../api/issuer-reference.ts';
import { type EncodedAttribute, listAttributes } from '../pki/index.ts';
import type { Bindings } from './cel/rule-compiler.ts';
import type { PolicyRequest, RequestedCertificate } from './policy-request.ts';

/** What rules know beside the request. */
export interface Surroundings {
  /** SPIFFE trust domain of the cluster's pods. */
  readonly trustDomain: string;
  /** DNS domain of the cluster's services: `cluster.local`. */
  readonly clusterDomain: string;
}

/** A request in the form in which its checks look at it. */
export interface Facts {
  readonly request: PolicyRequest;
  /** Attributes of the subject, each as it is encoded: a repeated common name is there twice. */
  readonly subject: readonly EncodedAttribute[];
  /** Variables of every rule, without `self`. */
  readonly bindings: Bindings;
}

export function factsOf(request: PolicyRequest, { clusterDomain, trustDomain }: Surroundings): Facts {
  const { name, namespace, pod, subject } = request;
  return {
    request,
    subject: listAttributes(request.certificate.subject),
    bindings: {
      cr: { name, namespace, username: subject.username, groups: [...subject.groups] },
      pod: pod === undefined ? null : { ...pod, ips: [...pod.ips], dnsNames: [...pod.dnsNames] },
      trustDomain,
      clusterDomain,
    },
  };
}

/** `self` of the rules about the request as a whole. */
export function requestBinding({ request, subject }: Facts): Bindings {
  const { altNames, duration, isCA, usages } = request.certificate;
  const issuer = resolveIssuerReference(request.issuer);
  return {
    commonNames: subject.filter(({ field }) => field === 'commonName').map(({ value }) => value),
    dnsNames: [...altNames.dnsNames],
    ipAddresses: [...altNames.ipAddresses],
    uris: [...altNames.uris],
    emailAddresses: [...altNames.emailAddresses],
    usages: [...usages],
    isCA,
    durationSeconds: duration === undefined ? null : BigInt(Math.floor(duration / 1000)),
    key: keyBinding(request.certificate),
    issuer: { name: issuer.name, kind: issuer.kind, group: issuer.group },
  };
}

/** An Ed25519 key has one size only, which nobody asks for: 0. */
function keyBinding({ key }: RequestedCertificate): Record<string, string | bigint> {
  return { algorithm: key.algorithm, size: key.algorithm === 'Ed25519' ? 0n : BigInt(key.size) };
}
