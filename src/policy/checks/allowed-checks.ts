import type { AllowedAttributes, AllowedByOid } from '../../api/certificate-request-policy.ts';
import type { Facts } from '../facts.ts';
import type { Subject } from '../../pki/index.ts';
import type { Check, CheckContext } from './check.ts';
import { type TextsField, textCheck, textsCheck } from './texts-check.ts';

const altNames = ['dnsNames', 'ipAddresses', 'uris', 'emailAddresses'] as const;
const subjectLists = [
  'organizations',
  'countries',
  'organizationalUnits',
  'localities',
  'provinces',
  'streetAddresses',
  'postalCodes',
] as const;

const oidForm = /^[0-2](\.(0|[1-9][0-9]*))+$/;

/** What the request asks for must all be in `spec.allowed`. */
export function allowedChecks(allowed: AllowedAttributes, context: CheckContext): readonly Check[] {
  const { subject = {} } = allowed;
  return [
    textCheck({ field: 'commonName', values: attributes('commonName') }, allowed.commonName, context),
    ...altNames.map((field) =>
      textsCheck(
        { field, values: ({ request }) => request.certificate.altNames[field] },
        allowed[field],
        context,
      ),
    ),
    isCaCheck(allowed),
    usagesCheck(allowed),
    ...subjectLists.map((field) =>
      textsCheck({ field: `subject.${field}`, values: attributes(field) }, subject[field], context),
    ),
    textCheck(
      { field: 'subject.serialNumber', values: attributes('serialNumber') },
      subject.serialNumber,
      context,
    ),
    ...byOid('subject.otherAttributes', subject.otherAttributes, otherAttributes, context),
    otherAttributesCheck(subject.otherAttributes ?? []),
    // No request has such names: its CSR would have been refused. Here for "required", and for what is wrong with them.
    ...byOid('otherNames', allowed.otherNames, () => () => [], context),
  ];
}

function attributes(wanted: keyof Subject): TextsField['values'] {
  return ({ subject }) => subject.filter(({ field }) => field === wanted).map(({ value }) => value);
}

function otherAttributes(wanted: string): TextsField['values'] {
  return ({ subject }) =>
    subject.filter(({ field, oid }) => field === undefined && oid === wanted).map(({ value }) => value);
}

function byOid(
  field: string,
  entries: readonly AllowedByOid[] = [],
  values: (oid: string) => (facts: Facts) => readonly string[],
  context: CheckContext,
): readonly Check[] {
  const seen = new Set<string>();
  return entries.map((entry, index) => {
    const { oid } = entry;
    if (!oidForm.test(oid))
      context.fault(`spec.allowed.${field}[${index}].oid`, 'must be as in "1.2.840.113549.1.9.1"');
    if (seen.has(oid)) context.fault(`spec.allowed.${field}[${index}].oid`, `${oid} is given twice`);
    seen.add(oid);
    return textsCheck({ field: `${field}[${oid}]`, values: values(oid) }, entry, context);
  });
}

/** Attributes without an entry, and those that are no text, which nobody could say a pattern for. */
function otherAttributesCheck(entries: readonly AllowedByOid[]): Check {
  const known = new Set(entries.map(({ oid }) => oid));
  const rule = 'spec.allowed.subject.otherAttributes';
  return ({ subject }) =>
    subject.flatMap(({ field, isText, oid, value }) => {
      if (isText && (field !== undefined || known.has(oid))) return [];
      const allowed = isText ? 'the attribute is not allowed' : 'must be a text';
      return [{ field: `subject.otherAttributes[${oid}]`, value, allowed, rule }];
    });
}

function isCaCheck({ isCA = false }: AllowedAttributes): Check {
  const violation = {
    field: 'isCA',
    value: 'true',
    allowed: 'must be false',
    rule: 'spec.allowed.isCA',
  } as const;
  return ({ request }) => (request.certificate.isCA && !isCA ? [violation] : []);
}

function usagesCheck({ usages = [] }: AllowedAttributes): Check {
  const allowed = usages.length === 0 ? 'none is allowed' : `must be one of ${usages.join(', ')}`;
  return ({ request }) =>
    request.certificate.usages
      .filter((usage) => !usages.includes(usage))
      .map((value) => ({ field: 'usages', value, allowed, rule: 'spec.allowed.usages' }));
}
