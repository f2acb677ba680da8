// Mutual TLS with the certificate of a volume: node server.mjs VOLUME ADDRESS PORT
import { readFileSync, readlinkSync, watch } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [volume, address, port] = process.argv.slice(2);

/** All files of one generation: `..data` is resolved once, then key, chain and anchors belong together. */
function readIdentity() {
  const generation = join(volume, readlinkSync(join(volume, '..data')));
  const read = (name) => readFileSync(join(generation, name));
  return { key: read('tls.key'), cert: read('tls.crt'), ca: read('ca.crt') };
}

// The folder, not a file in it: a watch on a file stays with the old one. Begun before the first reading, so that no
// rotation falls between the two.
watch(volume, { persistent: false }, (_event, name) => {
  if (name !== '..data') return;
  try {
    // Takes the place of the whole context, so that everything has to be named again. Open connections stay.
    server.setSecureContext(readIdentity());
  } catch (error) {
    // Two rotations in a row: the event of the second is on its way.
    console.error('keeping the certificate in use:', error);
  }
});

const server = createServer({ ...readIdentity(), requestCert: true }, (request, response) => {
  response.end(`hello ${request.socket.getPeerCertificate().subjectaltname}\n`);
});

server.listen(Number(port), address);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
