import type { IssuerReference } from '../api/issuer-reference.ts';
import type { UsageName } from '../api/usages.ts';
import type { AltNames, KeySpec, Subject } from '../pki/index.ts';

/** What is asked for, whoever asks: from a CertificateRequest, a PodCertificateRequest or a pod spec that nobody ran yet. */
export interface PolicyRequest {
  /** Of the object that asks. */
  readonly namespace: string;
  readonly name: string;
  readonly issuer: IssuerReference;
  /** Whose right to use a policy counts: for a pod's certificate its service account, else the requester. */
  readonly subject: PolicySubject;
  readonly certificate: RequestedCertificate;
  /** Set when it is proven which pod the certificate is for. */
  readonly pod: PolicyPod | undefined;
}

export interface PolicySubject {
  readonly username: string;
  readonly groups: readonly string[];
  /** Of a requester, as far as known: authorizers beside RBAC may go by these. */
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface RequestedCertificate {
  readonly subject: Subject;
  readonly altNames: AltNames;
  readonly usages: readonly UsageName[];
  readonly isCA: boolean;
  /** Milliseconds; undefined when the request leaves it to the issuer. */
  readonly duration: number | undefined;
  /** The least that serves the requester, who then takes any lifetime from here to `duration`; else none but that. */
  readonly shortestDuration?: number;
  readonly key: KeySpec;
}

/** The pod that a certificate is for: what the API server says of it, not what it says of itself. */
export interface PolicyPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
  readonly nodeName: string;
  readonly spiffeId: string;
  /** Its own addresses, as far as the API can tell: nobody else is known to have them. */
  readonly ips: readonly string[];
  /** Names that the pod has in the cluster's DNS: its own and those of the services that select it. */
  readonly dnsNames: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export type PolicyDecision =
  | {
      readonly decision: 'approve';
      /** Name of the policy that allowed it. */
      readonly policy: string;
      /** The lifetime that it allows, in milliseconds: what was asked for, or less where less will do. */
      readonly duration: number | undefined;
    }
  /** The message names each value that was not allowed, and the rule that would allow it. */
  | { readonly decision: 'deny'; readonly message: string }
  | LeftDecision;

/** Nobody's to decide: no policy applies, those that do are not ready, or it is not known yet which there are. */
export interface LeftDecision {
  readonly decision: 'leave';
  readonly because: 'no-policy' | 'not-ready' | 'being-read';
  readonly message: string;
}

/** Decides by the CertificateRequestPolicies of the cluster. */
export interface PolicyJudge {
  decide(request: PolicyRequest): Promise<PolicyDecision>;
}
