// A workload: serves mutual TLS with the certificate of its volume, calls its peers in turn with a new handshake each time,
// takes up each generation, and tells by HTTP what it has seen. It knows nothing of certmount but the file names.
import { X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync, watch } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { connect, createSecureContext, createServer } from 'node:tls';

const folder = '/certs';
const expected = `URI:${process.env.EXPECTED_PEER}`;
/** Far more than a handshake takes on a machine that is busy with other tests. */
const patienceMs = 30_000;
/** `pairs` are the calls that succeeded, by who signed the two certificates: "OWN > PEER"; `failures` are the first few. */
const seen = {
  calling: 0,
  called: 0,
  served: 0,
  failed: 0,
  resumed: 0,
  pairs: {},
  leaves: [],
  anchors: [],
  failures: [],
};
let present;

function fail(role, error) {
  seen.failed += 1;
  const text = `${new Date().toISOString()} ${role}: ${error}`;
  if (seen.failures.length < 5) seen.failures.push(text);
}

/** All files of one generation, whichever `..data` leads to meanwhile. */
function load() {
  const generation = realpathSync(`${folder}/..data`);
  const bundle = readFileSync(`${generation}/credential-bundle.pem`, 'utf8');
  const certificate = new X509Certificate(bundle.slice(bundle.indexOf('-----BEGIN CERTIFICATE')));
  const files = { key: bundle, cert: bundle, ca: readFileSync(`${generation}/ca.crt`, 'utf8') };
  const [, signer] = /^CN=(.*)$/m.exec(certificate.issuer) ?? [];
  present = { context: createSecureContext(files), signer };
  server.setSecureContext(files);
  const { serialNumber: serial, validTo: notAfter } = certificate;
  if (seen.leaves.at(-1)?.serial !== serial) seen.leaves.push({ at: Date.now(), serial, signer, notAfter });
  if (seen.anchors.at(-1)?.pem !== files.ca) seen.anchors.push({ at: Date.now(), pem: files.ca });
}

/** The SPIFFE ID of the other end, not its address, says who it is. */
function checkIdentity({ subjectaltname }) {
  return subjectaltname === expected ? undefined : new Error(`peer is ${subjectaltname}`);
}

/** Calls `done` when it is over, however it ended. */
function call(host, done) {
  const { context, signer } = present;
  seen.calling += 1;
  const socket = connect({
    host,
    port: 8443,
    secureContext: context,
    checkServerIdentity: (_host, certificate) => checkIdentity(certificate),
  });
  let pair;
  let error;
  let greeted = false;
  socket.setTimeout(patienceMs, () => socket.destroy(new Error('nothing was heard')));
  socket.on('secureConnect', () => {
    pair = `${signer} > ${socket.getPeerCertificate().issuer.CN}`;
    if (socket.isSessionReused()) seen.resumed += 1;
  });
  // The server speaks first: only its greeting proves that it took our certificate too (TLS 1.3 client certificates come last).
  socket.on('data', () => (greeted = true));
  socket.on('error', (cause) => (error = cause));
  socket.on('close', () => {
    seen.calling -= 1;
    done();
    if (!greeted || error) return fail(`call to ${host}`, error ?? 'closed without a greeting');
    seen.called += 1;
    seen.pairs[pair] = (seen.pairs[pair] ?? 0) + 1;
  });
}

const server = createServer({ requestCert: true, rejectUnauthorized: true }, (socket) => {
  const error = checkIdentity(socket.getPeerCertificate());
  if (error === undefined) seen.served += 1;
  else fail('serve', error);
  socket.on('error', (cause) => fail('serve', cause));
  socket.end('hello\n');
});
server.on('tlsClientError', (error, { remoteAddress }) => fail(`serve ${remoteAddress}`, error));

watch(folder, (_event, name) => {
  if (name !== '..data') return;
  try {
    load();
  } catch (error) {
    fail('reload', error);
  }
});
load();
server.listen(8443);

/** One call at a time, so that a machine that is slow gets fewer of them. */
function callInTurn(given, next) {
  if (given !== order) return;
  const { peers, pauseMs } = given;
  call(peers[next % peers.length], () => setTimeout(callInTurn, pauseMs, given, next + 1));
}

let order;
createHttpServer(async (request, response) => {
  if (request.method === 'POST') {
    order = await json(request);
    // Each begins elsewhere, or all of them would call the same one at once.
    if (order.peers.length > 0) callInTurn(order, Math.floor(Math.random() * order.peers.length));
  }
  response.end(JSON.stringify(seen));
}).listen(8080);
