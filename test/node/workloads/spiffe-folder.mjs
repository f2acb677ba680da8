// A workload that knows nothing but SPIFFE_CREDENTIAL_FOLDER and the file names of SPIFFE's filesystem delivery. With
// PEER_ADDRESS it calls, else it serves; it prints a line of JSON for each handshake.
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

const folder = process.env.SPIFFE_CREDENTIAL_FOLDER;
const anchors = readdirSync(folder).filter((name) => name.endsWith('.spiffe-trust-bundle.pem'));
const bundle = readFileSync(`${folder}/credential-bundle.private-key.pem`, 'utf8');
const material = {
  key: bundle,
  cert: bundle,
  ca: anchors.map((name) => readFileSync(`${folder}/${name}`, 'utf8')),
};
const say = (line) => console.log(JSON.stringify(line));
const nameOf = (socket) => socket.getPeerCertificate().subjectaltname;

if (process.env.PEER_ADDRESS === undefined) {
  const server = createServer({ ...material, requestCert: true, rejectUnauthorized: true }, (socket) => {
    say({ peer: nameOf(socket) });
    socket.on('error', () => {});
    socket.end('hello\n');
  });
  server.on('tlsClientError', (error) => say({ error: String(error) }));
  server.listen(8443);
} else {
  setInterval(() => {
    const socket = connect({
      host: process.env.PEER_ADDRESS,
      port: 8443,
      ...material,
      checkServerIdentity: () => undefined,
    });
    // The server speaks first: only its greeting proves that it took our certificate too.
    socket.on('data', () => say({ peer: nameOf(socket) }));
    socket.on('error', (error) => say({ error: String(error) }));
  }, 200);
}
