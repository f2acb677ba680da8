import { parseServiceAccountUser } from '../../api/service-account.ts';
import { type CelFunc, celFunc, celMethod, CelScalar, mapType } from '@bufbuild/cel';

const texts = mapType(CelScalar.STRING, CelScalar.STRING);

/** approver-policy's helpers: `serviceAccount(cr.username).getName()` and `.getNamespace()`, `isServiceAccount(cr.username)`. */
export const serviceAccountFunctions: readonly CelFunc[] = [
  celFunc(
    'isServiceAccount',
    [CelScalar.STRING],
    CelScalar.BOOL,
    (text) => parseServiceAccountUser(text) !== undefined,
  ),
  celFunc('serviceAccount', [CelScalar.STRING], texts, (text) => {
    const account = parseServiceAccountUser(text);
    if (account === undefined) throw new Error(`${JSON.stringify(text)} is not a service account`);
    return { ...account };
  }),
  celMethod('getName', texts, [], CelScalar.STRING, function () {
    return textOf(this.get('name'));
  }),
  celMethod('getNamespace', texts, [], CelScalar.STRING, function () {
    return textOf(this.get('namespace'));
  }),
];

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error('this is not a service account');
  return value;
}
