import { isIP } from 'node:net';
import { PkiError } from '../errors.ts';
import { checkEmailAddress } from '../names/check-name.ts';
import type { NameConstraints, Subtree } from './name-constraints.ts';

/** Refuses constraints for a new certificate for which Go, and whoever is as strict, would fail to read all of it. */
export function checkNewNameConstraints({ excluded, permitted }: NameConstraints): void {
  const all = [...permitted, ...excluded];
  if (all.length === 0) throw refused('have nothing in them');
  all.forEach(checkBase);
}

function checkBase({ base, form, text }: Subtree): void {
  switch (form) {
    case 'ip':
      if (!isNetwork(base)) throw refused('have an IP network that is none');
      return;
    case 'email':
      if (text.includes('@')) checkEmailAddress(text);
      else checkDomain(text);
      return;
    case 'uri':
      if (isIP(text) !== 0) throw refused(`have an IP address as the host ${JSON.stringify(text)} of URIs`);
      return checkDomain(text);
    case 'dns':
      return checkDomain(text);
    case 'directoryName':
      return;
  }
}

/** A host name, one with a dot before it for those below, or nothing for all of them. */
function checkDomain(text: string): void {
  if (!/^$|^\.?[\x21-\x2d\x2f-\x7e]+(?:\.[\x21-\x2d\x2f-\x7e]+)*$/.test(text))
    throw refused(`have the host name ${JSON.stringify(text)}, which is none`);
}

/** An address and a mask of ones and then zeros, of 4 or 16 octets each. */
function isNetwork(base: Buffer): boolean {
  if (base.length !== 8 && base.length !== 32) return false;
  const mask = [...base.subarray(base.length / 2)]
    .map((octet) => octet.toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(mask);
}

function refused(problem: string): PkiError {
  return new PkiError('invalid-name', `the name constraints ${problem}`);
}
