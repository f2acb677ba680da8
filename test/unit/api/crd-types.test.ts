import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type {
  CertificateRequestSpec,
  CertificateRequestStatus,
} from '../../../src/api/certificate-request.ts';
import type {
  certificateRequestSpec,
  certificateRequestStatus,
} from '../../../src/api/crds/certificate-request.ts';
import type {
  CertificateRequestPolicySpec,
  CertificateRequestPolicyStatus,
} from '../../../src/api/certificate-request-policy.ts';
import type {
  certificateRequestPolicySpec,
  certificateRequestPolicyStatus,
} from '../../../src/api/crds/certificate-request-policy.ts';
import type { bundleSpec, bundleStatus } from '../../../src/api/crds/bundle.ts';
import type { anchorSetSpec, anchorSetStatus } from '../../../src/api/crds/anchor-set.ts';
import type { nodeTrustSpec } from '../../../src/api/crds/node-trust.ts';
import type { issuerSpec, issuerStatus } from '../../../src/api/crds/issuer.ts';
import type { Admitted } from '../../../src/api/crds/schema.ts';
import type { AnchorSetSpec, AnchorSetStatus } from '../../../src/api/anchor-set.ts';
import type { NodeTrustSpec } from '../../../src/api/node-trust.ts';
import type { BundleSpec, BundleStatus } from '../../../src/api/bundle.ts';
import type { Condition } from '../../../src/api/condition.ts';
import type { IssuerSpec, IssuerStatus } from '../../../src/api/issuer.ts';

/** true only for the same fields with the same types, the same ones optional. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Deeply flat, so that an interface, an intersection and a mapped type of the same fields are the same. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { [Key in keyof T]: Plain<T[Key]> }
    : T;

type SameFields<A, B> = Same<Plain<A>, Plain<B>>;

/** A CertificateRequest's conditions have no observedGeneration; one type serves both kinds. */
type RequestStatus = Omit<CertificateRequestStatus, 'conditions'> & {
  conditions?: Omit<Condition, 'observedGeneration'>[];
};

// The compiler is the test: each line is an error when a type and its CRD no longer say the same.
const same: {
  certificateRequestSpec: SameFields<CertificateRequestSpec, Admitted<typeof certificateRequestSpec>>;
  certificateRequestStatus: SameFields<RequestStatus, Admitted<typeof certificateRequestStatus>>;
  acme: SameFields<IssuerSpec['acme'], Admitted<typeof issuerSpec>['acme']>;
  ca: SameFields<IssuerSpec['ca'], Admitted<typeof issuerSpec>['ca']>;
  selfSigned: SameFields<IssuerSpec['selfSigned'], Admitted<typeof issuerSpec>['selfSigned']>;
  vault: SameFields<IssuerSpec['vault'], Admitted<typeof issuerSpec>['vault']>;
  venafi: SameFields<IssuerSpec['venafi'], Admitted<typeof issuerSpec>['venafi']>;
  issuerSpec: SameFields<IssuerSpec, Admitted<typeof issuerSpec>>;
  issuerStatus: SameFields<IssuerStatus, Admitted<typeof issuerStatus>>;
  anchorSetSpec: SameFields<AnchorSetSpec, Admitted<typeof anchorSetSpec>>;
  anchorSetStatus: SameFields<AnchorSetStatus, Admitted<typeof anchorSetStatus>>;
  nodeTrustSpec: SameFields<NodeTrustSpec, Admitted<typeof nodeTrustSpec>>;
  bundleSpec: SameFields<BundleSpec, Admitted<typeof bundleSpec>>;
  bundleStatus: SameFields<BundleStatus, Admitted<typeof bundleStatus>>;
  policySpec: SameFields<CertificateRequestPolicySpec, Admitted<typeof certificateRequestPolicySpec>>;
  policyStatus: SameFields<CertificateRequestPolicyStatus, Admitted<typeof certificateRequestPolicyStatus>>;
} = {
  certificateRequestSpec: true,
  certificateRequestStatus: true,
  acme: true,
  ca: true,
  selfSigned: true,
  vault: true,
  venafi: true,
  issuerSpec: true,
  issuerStatus: true,
  anchorSetSpec: true,
  anchorSetStatus: true,
  nodeTrustSpec: true,
  bundleSpec: true,
  bundleStatus: true,
  policySpec: true,
  policyStatus: true,
};

const notTheSame: {
  missing: SameFields<{ a: string; b?: string }, { a: string }>;
  optional: SameFields<{ a?: string }, { a: string }>;
  type: SameFields<{ a: { b: string }[] }, { a: { b: 'c' }[] }>;
} = { missing: false, optional: false, type: false };

describe('the types of the API', () => {
  it('have exactly the fields that the CRDs admit', () => {
    assert.ok(Object.values(same).every(Boolean));
  });

  it('would be told apart by a missing, an optional or another field', () => {
    assert.ok(Object.values(notTheSame).every((value) => !value));
  });
});
