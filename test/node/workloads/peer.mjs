// A workload: serves mutual TLS with the certificate of its volume, calls its peer ten times a second, takes up each
// rotation, and says once a second what it has seen. It knows nothing of certmount but the file names.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, watch } from 'node:fs';
import { connect, createServer } from 'node:tls';

const folder = '/certs';
const expected = `URI:${process.env.EXPECTED_PEER}`;
const seen = { handshakes: 0, failures: 0, mismatches: 0, rotations: 0, serials: [], lastFailure: '' };
let peer = process.env.PEER_ADDRESS;

function material() {
  const bundle = readFileSync(`${folder}/credential-bundle.pem`, 'utf8');
  const certificate = new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE')));
  if (!certificate.checkPrivateKey(createPrivateKey(bundle))) seen.mismatches += 1;
  return { key: bundle, cert: bundle, ca: readFileSync(`${folder}/ca.crt`, 'utf8') };
}

function fail(error) {
  seen.failures += 1;
  seen.lastFailure = String(error);
}

/** The SPIFFE ID of the other end, not its address, says who it is. */
function checkIdentity(certificate) {
  return certificate.subjectaltname === expected
    ? undefined
    : new Error(`peer is ${certificate.subjectaltname}`);
}

const server = createServer({ ...material(), requestCert: true, rejectUnauthorized: true }, (socket) => {
  const error = checkIdentity(socket.getPeerCertificate());
  if (error !== undefined) fail(error);
  peer ??= socket.remoteAddress?.replace('::ffff:', '');
  socket.on('error', fail);
  socket.end('hello\n');
});
server.on('tlsClientError', fail);
server.listen(8443);

watch(folder, (_event, name) => {
  if (name !== '..data') return;
  seen.rotations += 1;
  server.setSecureContext(material());
});

setInterval(() => {
  if (peer === undefined) return;
  const socket = connect({
    host: peer,
    port: 8443,
    ...material(),
    checkServerIdentity: (_host, certificate) => checkIdentity(certificate),
  });
  socket.on('secureConnect', () => {
    const { serialNumber } = socket.getPeerCertificate();
    if (!seen.serials.includes(serialNumber)) seen.serials.push(serialNumber);
  });
  // The server speaks first: only its greeting proves that it took our certificate too (TLS 1.3 client certificates come last).
  socket.on('data', () => {
    seen.handshakes += 1;
  });
  socket.on('error', fail);
}, 100);

setInterval(() => console.log(JSON.stringify(seen)), 1000);
