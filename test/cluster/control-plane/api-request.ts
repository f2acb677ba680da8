import { request } from 'node:https';
import type { KeyPairPem } from '../credentials/certificate-authority.ts';

export interface ApiTarget {
  readonly server: URL;
  readonly ca: string;
  readonly clientCert: KeyPairPem;
}

export interface ApiResponse {
  readonly status: number;
  readonly text: string;
}

/** One request, one connection: for readiness and tokens, before and beside any real client. */
export async function apiRequest(
  target: ApiTarget,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiResponse> {
  return await new Promise((resolve, reject) => {
    const call = request(
      new URL(path, target.server),
      {
        method,
        agent: false,
        ca: target.ca,
        ...target.clientCert,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        timeout: 10_000,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer within 10 s`)));
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
