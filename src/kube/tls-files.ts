import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from './clock.ts';
import { type Fresh, keptFresh } from './kept-fresh.ts';

/** Whom to trust and who to be, in PEM. */
export interface TlsMaterial {
  /** The authorities; the system's own when not set. */
  readonly ca?: string;
  /** The certificate chain and its key. */
  readonly clientCert?: { readonly cert: string; readonly key: string };
}

/** Paths; what has none stays as it was. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Read like a token: the authorities of a cluster change while the process runs, and so do certificates of clients. */
export function tlsFiles(files: TlsFiles, first: TlsMaterial, deps: { clock: Clock }): Fresh<TlsMaterial> {
  let present = first;
  const read = async (): Promise<TlsMaterial> => {
    const found = await readTls(files, first);
    if (!sameTls(found, present)) {
      checkTls(found);
      present = found;
    }
    return present;
  };
  return keptFresh(read, deps, first);
}

export function sameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca && a.clientCert?.cert === b.clientCert?.cert && a.clientCert?.key === b.clientCert?.key
  );
}

async function readTls(files: TlsFiles, first: TlsMaterial): Promise<TlsMaterial> {
  const textOf = async (path: string | undefined, text: string | undefined): Promise<string | undefined> =>
    path ? await readFile(path, 'utf8') : text;
  const ca = await textOf(files.ca, first.ca);
  const cert = await textOf(files.cert, first.clientCert?.cert);
  const key = await textOf(files.key, first.clientCert?.key);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { clientCert: { cert, key } }),
  };
}

/** Throws for what is half written or of two states: a context made of it would trust nobody, or fail. */
function checkTls({ ca, clientCert }: TlsMaterial): void {
  if (ca !== undefined) new X509Certificate(ca);
  createSecureContext({ ...(ca !== undefined && { ca }), ...clientCert });
}
