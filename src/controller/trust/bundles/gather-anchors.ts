import { decodeCertificate, decodePem, fingerprint, formatSubject, isPkiError } from '../../../pki/index.ts';
import type { Certificate } from '../../../pki/index.ts';

/** What one source of a Bundle has at this moment. */
export type SourceContent =
  /** It was not read yet. */
  | { readonly state: 'loading' }
  /** Names are for messages: of the source, as people would look it up, and of each text. */
  | { readonly state: 'texts'; readonly texts: readonly SourceText[] }
  | { readonly state: 'certificates'; readonly name: string; readonly certificates: readonly Certificate[] }
  | SourceFailure;

export interface SourceText {
  /** As in `configMap "roots", key "ca.crt"`. */
  readonly name: string;
  readonly pem: string;
}

export interface SourceFailure {
  readonly state: 'failed';
  readonly reason: 'not-found' | 'invalid' | 'unavailable';
  /** Names the source. */
  readonly message: string;
}

/** Why a certificate of a source is not published. */
export const leftOutReasons = ['duplicate', 'expired', 'not-ca', 'unreadable'] as const;
export type LeftOutReason = (typeof leftOutReasons)[number];

export interface LeftOut {
  readonly reason: LeftOutReason;
  readonly source: string;
  /** What is wrong with one that is unreadable. */
  readonly subject: string;
}

export interface GatheredAnchors {
  /** Each once, by SHA-256 of their DER: the order of the sources does not count. */
  readonly anchors: readonly Certificate[];
  readonly leftOut: readonly LeftOut[];
  readonly failures: readonly SourceFailure[];
  /** By source, in their order. */
  readonly given: readonly GivenAnchors[];
  /** The first time, in milliseconds since the epoch, at which one of them is no longer valid. */
  readonly changesAt?: number;
}

/** What one source has that can be published, whether or not another one has it too. */
export interface GivenAnchors {
  readonly certificates: readonly Certificate[];
  /** Some of it cannot be read. */
  readonly fails: boolean;
}

/** Of all texts of one Bundle together, in characters: four times what any target can hold. */
export const maxTextLength = 4 * 1024 * 1024;

/** Of one text, in characters: more than an object can have. */
const maxEntryLength = 2 * 1024 * 1024;

/** What is to be trusted. A source that cannot be used is told of and hinders no other one. */
export function gatherAnchors(contents: readonly SourceContent[], now: number): GatheredAnchors {
  const gathering = new Gathering(now);
  let length = 0;
  for (const content of contents) {
    gathering.begin();
    if (content.state === 'failed') gathering.fail(content);
    else if (content.state === 'certificates') {
      for (const certificate of content.certificates) gathering.take(certificate, content.name);
    } else if (content.state === 'texts') {
      for (const text of content.texts) {
        length += text.pem.length;
        if (length > maxTextLength) {
          const message = `${text.name}: the sources have more than ${maxTextLength} characters together`;
          gathering.fail({ state: 'failed', reason: 'invalid', message });
        } else gathering.read(text);
      }
    }
  }
  return gathering.result();
}

class Gathering {
  readonly #failures: SourceFailure[] = [];
  readonly #given: { certificates: Certificate[]; fails: boolean }[] = [];
  readonly #anchors = new Map<string, Certificate>();
  readonly #leftOut: LeftOut[] = [];
  readonly #now: number;

  constructor(now: number) {
    this.#now = now;
  }

  /** What follows is of the next source. */
  begin(): void {
    this.#given.push({ certificates: [], fails: false });
  }

  fail(failure: SourceFailure): void {
    this.#failures.push(failure);
    const given = this.#given.at(-1);
    if (given) given.fails = true;
  }

  read({ name, pem }: SourceText): void {
    let blocks;
    try {
      blocks = decodePem(pem, name, maxEntryLength);
    } catch (error) {
      if (!isPkiError(error)) throw error;
      this.fail({ state: 'failed', reason: 'invalid', message: error.message });
      return;
    }
    // All of it is refused then: nobody who mixes these up has looked at what is in there.
    const other = blocks.find(({ label }) => label !== 'CERTIFICATE');
    if (other !== undefined) {
      const message = `${name} has a PEM block "${other.label}" in it: only certificates are published`;
      this.fail({ state: 'failed', reason: 'invalid', message });
      return;
    }
    for (const { der } of blocks) {
      try {
        this.take(decodeCertificate(der), name);
      } catch (error) {
        if (!isPkiError(error)) throw error;
        this.#leftOut.push({ reason: 'unreadable', source: name, subject: error.message });
      }
    }
  }

  take(certificate: Certificate, source: string): void {
    const print = fingerprint(certificate.der);
    const fault = unusable(certificate, this.#now);
    if (fault === undefined) this.#given.at(-1)?.certificates.push(certificate);
    const reason = this.#anchors.has(print) ? 'duplicate' : fault;
    if (reason === undefined) this.#anchors.set(print, certificate);
    else this.#leftOut.push({ reason, source, subject: formatSubject(certificate.subject) });
  }

  result(): GatheredAnchors {
    const anchors = [...this.#anchors].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, anchor]) => anchor);
    const ends = anchors.map(endOf);
    return {
      anchors,
      leftOut: this.#leftOut,
      failures: this.#failures,
      given: this.#given,
      ...(ends.length > 0 && { changesAt: Math.min(...ends) }),
    };
  }
}

/** Whether a Bundle can hand it on. */
export function isPublishable(certificate: Certificate, now: number): boolean {
  return unusable(certificate, now) === undefined;
}

function unusable(certificate: Certificate, now: number): 'expired' | 'not-ca' | undefined {
  if (endOf(certificate) <= now) return 'expired';
  return certificate.isCA ? undefined : 'not-ca';
}

/** The first moment at which it is not valid: notAfter is the last second in which it is. */
function endOf({ notAfter }: Certificate): number {
  return notAfter.getTime() + 1000;
}
