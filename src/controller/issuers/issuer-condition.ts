import { getCondition } from '../../api/condition.ts';
import type { Condition } from '../../api/condition.ts';
import type { AnyIssuer } from './issuer-states.ts';
import type { IssuerState } from './issuer-state.ts';

/** What one of an issuer's conditions should say. */
export type IssuerFinding = Required<Pick<Condition, 'status' | 'reason' | 'message'>>;

export type IssuerConditionType = 'Ready' | 'CARotation';

/** Undefined as long as nothing is known. */
export function readyCondition(state: IssuerState, name: string): IssuerFinding | undefined {
  switch (state.state) {
    case 'loading':
      return undefined;
    case 'ready':
      return { status: 'True', reason: state.reason, message: state.message };
    case 'not-ready':
      return { status: 'False', reason: state.reason, message: state.message };
    case 'typeless':
      return {
        status: 'False',
        reason: 'ErrInitIssuer',
        message: `Error initializing issuer: no issuer specified for "${name}"`,
      };
    case 'not-supported':
      return {
        status: 'False',
        reason: 'IssuerTypeNotSupported',
        message: `Issuers of type ${state.type} are not supported by this version of certmount`,
      };
  }
}

/** Whether the issuer's written condition says something else, or says it of another generation. */
export function conditionDiffers(
  issuer: AnyIssuer,
  type: IssuerConditionType,
  wanted: IssuerFinding,
): boolean {
  const present = getCondition(issuer.status?.conditions, type);
  // Issuers whose CA never changed are not burdened with it.
  if (type === 'CARotation' && !present && wanted.status === 'False') return false;
  return (
    present?.status !== wanted.status ||
    present.reason !== wanted.reason ||
    (present.message ?? '') !== wanted.message ||
    present.observedGeneration !== issuer.metadata.generation
  );
}
