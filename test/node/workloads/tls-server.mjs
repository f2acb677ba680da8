// A workload that serves TLS with the certificate of its volume, and asks for one. With RELOAD it takes up each rotation,
// without it what was there when it started is served for ever, as many programs do. With OWN_PEM it serves that.
import { readFileSync, watch } from 'node:fs';
import { createServer } from 'node:tls';

const material = () => {
  const { OWN_PEM: own } = process.env;
  if (own !== undefined) return { key: own, cert: own };
  const bundle = readFileSync('/certs/credential-bundle.pem', 'utf8');
  return { key: bundle, cert: bundle, ca: readFileSync('/certs/ca.crt', 'utf8') };
};
const maxVersion = process.env.TLS_VERSION ?? 'TLSv1.3';
const server = createServer(
  { ...material(), maxVersion, requestCert: true, rejectUnauthorized: true },
  (socket) => {
    socket.end('hello\n');
  },
);
server.on('tlsClientError', () => {});
server.listen(8443);
if (process.env.RELOAD === 'true')
  watch('/certs', (_event, name) => {
    if (name === '..data') server.setSecureContext(material());
  });
