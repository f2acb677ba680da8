import type { KeyObject } from 'node:crypto';
import type { PodCertificateRequestStatus } from '../../../../src/api/pod-certificate-request.ts';
import { formatTime } from '../../../../src/api/time.ts';
import type { StatusFault } from '../../../../src/controller/pod-certificates/check-status.ts';
import { encodePem, noAltNames } from '../../../../src/pki/index.ts';
import { newCa, newKey } from '../builders.ts';
import type { TestCa } from '../builders.ts';
import { issuedStatus, minute, newLeaf } from './builders.ts';

export interface StatusCase {
  readonly what: string;
  readonly status: PodCertificateRequestStatus;
  /** Undefined for a status that the API server takes. */
  readonly fault: StatusFault | undefined;
}

/**
 * A status for each rule that the API server has, and neighbours that keep it.
 *
 * @param key that was asked for, with a lifetime of a day at most
 * @param now of whoever judges them, in milliseconds since the epoch
 */
export async function statusCases(key: KeyObject, now: number): Promise<readonly StatusCase[]> {
  const at = Math.floor(now / 1000) * 1000;
  const validity = { notBefore: new Date(at - 10 * 86_400_000), notAfter: new Date(at + 900 * 86_400_000) };
  const root = await newCa(validity);
  const ca = await newCa({ parent: root, ...validity });
  const leaf = (options: Parameters<typeof newLeaf>[2] = {}): Promise<string> =>
    newLeaf(ca, key, options, at);
  const [from, to] = [at - minute, at - minute + 86_400_000];
  const lasting = (ms: number): Promise<string> => leaf({ notAfter: new Date(from + ms) });
  const beginning = (atMs: number): Promise<string> =>
    leaf({ notBefore: new Date(atMs), notAfter: new Date(atMs + 86_400_000) });
  const usual = await leaf();
  const good = issuedStatus(usual);
  const condition = good.conditions?.[0] ?? { type: '', status: 'True' as const };
  const denied = { ...condition, type: 'Denied', reason: 'PolicyDenied', message: 'no' };
  const refresh = (ms: number): PodCertificateRequestStatus => ({ ...good, beginRefreshAt: formatTime(ms) });
  const named = (dnsName: string): Promise<string> => leafWithRawName(ca, key, at, dnsName);

  return [
    { what: 'a leaf alone', status: good, fault: undefined },
    { what: 'a leaf and an intermediate', status: issuedStatus(usual + ca.pem), fault: undefined },
    { what: 'a denial', status: { conditions: [denied] }, fault: undefined },
    { what: 'a failure', status: { conditions: [{ ...denied, type: 'Failed' }] }, fault: undefined },
    { what: 'no status', status: {}, fault: undefined },

    {
      what: 'an unknown condition',
      status: { conditions: [{ ...denied, type: 'Ready' }] },
      fault: 'conditions',
    },
    { what: 'a False one', status: { conditions: [{ ...denied, status: 'False' }] }, fault: 'conditions' },
    { what: 'two conditions', status: { conditions: [condition, denied] }, fault: 'conditions' },
    { what: 'the same twice', status: { conditions: [denied, denied] }, fault: 'conditions' },
    { what: 'no reason', status: { conditions: [{ ...denied, reason: '' }] }, fault: 'conditions' },
    {
      what: 'a sentence as reason',
      status: { conditions: [{ ...denied, reason: 'not so' }] },
      fault: 'conditions',
    },
    {
      what: 'too long a message',
      status: { conditions: [{ ...denied, message: 'x'.repeat(32_769) }] },
      fault: 'conditions',
    },
    {
      what: 'a long message',
      status: { conditions: [{ ...denied, message: 'x'.repeat(32_768) }] },
      fault: undefined,
    },

    {
      what: 'a denial with a chain',
      status: { conditions: [denied], certificateChain: usual },
      fault: 'not-empty',
    },
    {
      what: 'a denial with a time',
      status: { conditions: [denied], notAfter: formatTime(to) },
      fault: 'not-empty',
    },
    { what: 'a chain without a condition', status: { ...good, conditions: [] }, fault: 'unchanged' },

    { what: 'no chain', status: { ...good, certificateChain: '' }, fault: 'chain' },
    { what: 'no certificate', status: { ...good, certificateChain: 'hello' }, fault: 'chain' },
    {
      what: 'another block first',
      status: { ...good, certificateChain: encodePem('X509 CRL', Buffer.from([0x30, 0])) + usual },
      fault: 'chain',
    },
    {
      what: 'another block after the leaf',
      status: issuedStatus(usual + encodePem('PRIVATE STUFF', Buffer.from([0x30, 0]))),
      fault: 'chain',
    },
    {
      what: 'an intermediate that is none',
      status: issuedStatus(usual + encodePem('CERTIFICATE', Buffer.from([0x30, 0]))),
      fault: 'chain',
    },
    {
      what: 'too long a chain',
      status: issuedStatus(usual + ca.pem.repeat(Math.ceil(102_400 / ca.pem.length))),
      fault: 'chain',
    },
    { what: 'another key', status: issuedStatus(await newLeaf(ca, await newKey(), {}, at)), fault: 'key' },

    { what: 'a DNS name', status: issuedStatus(await named('api.web')), fault: undefined },
    { what: 'a dot before', status: issuedStatus(await named('.api.web')), fault: 'names' },
    { what: 'a dot after', status: issuedStatus(await named('api.web.')), fault: 'names' },
    { what: 'two dots', status: issuedStatus(await named('api..web')), fault: 'names' },

    { what: 'no notBefore', status: without(good, 'notBefore'), fault: 'times' },
    { what: 'no notAfter', status: without(good, 'notAfter'), fault: 'times' },
    { what: 'no beginRefreshAt', status: without(good, 'beginRefreshAt'), fault: 'times' },
    { what: 'another notBefore', status: { ...good, notBefore: formatTime(from + 1000) }, fault: 'times' },
    { what: 'another notAfter', status: { ...good, notAfter: formatTime(to - 1000) }, fault: 'times' },
    {
      what: 'four minutes backdated',
      status: issuedStatus(await beginning(at - 4 * minute)),
      fault: undefined,
    },
    {
      what: 'six minutes backdated',
      status: issuedStatus(await beginning(at - 6 * minute)),
      fault: 'not-before',
    },
    { what: 'four minutes ahead', status: issuedStatus(await beginning(at + 4 * minute)), fault: undefined },
    {
      what: 'six minutes ahead',
      status: issuedStatus(await beginning(at + 6 * minute)),
      fault: 'not-before',
    },

    { what: 'an hour', status: issuedStatus(await lasting(60 * minute)), fault: undefined },
    { what: 'a second less', status: issuedStatus(await lasting(60 * minute - 1000)), fault: 'too-short' },
    { what: 'a second more than asked', status: issuedStatus(await lasting(86_401_000)), fault: 'too-long' },

    { what: 'refresh after ten minutes', status: refresh(from + 10 * minute), fault: undefined },
    { what: 'refresh a second earlier', status: refresh(from + 10 * minute - 1000), fault: 'refresh' },
    { what: 'refresh ten minutes before the end', status: refresh(to - 10 * minute), fault: undefined },
    { what: 'refresh a second later', status: refresh(to - 10 * minute + 1000), fault: 'refresh' },
  ];
}

function without(
  status: PodCertificateRequestStatus,
  field: keyof PodCertificateRequestStatus,
): PodCertificateRequestStatus {
  const { [field]: _, ...rest } = status;
  return rest;
}

/** Nothing here would sign a name that is wrong: a right one of the same length is replaced, and with it the signature lost. */
async function leafWithRawName(ca: TestCa, key: KeyObject, at: number, dnsName: string): Promise<string> {
  const right = 'x'.repeat(dnsName.length);
  const pem = await newLeaf(ca, key, { altNames: { ...noAltNames, dnsNames: [right] } }, at);
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\n/g, ''), 'base64');
  Buffer.from(dnsName, 'latin1').copy(der, der.indexOf(right, 0, 'latin1'));
  return encodePem('CERTIFICATE', der);
}
