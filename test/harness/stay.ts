// Starts a cluster below the folder of the first argument, prints its directory and waits to be killed.
import { startControlPlane } from '../cluster/control-plane.ts';
import { startNode } from '../cluster/node.ts';

const [root = '', withNode] = process.argv.slice(2);
const nodes = withNode === 'true';
const controlPlane = await startControlPlane({ root, nodes, controllerManager: nodes });
if (nodes) await startNode(controlPlane);
process.stdout.write(`${controlPlane.dir}\n`);
setInterval(() => {}, 60_000);
