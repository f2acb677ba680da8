import type { Bench } from './bench-context.ts';
import { keygenBench } from './benches/keygen.ts';
import { memoryBench } from './benches/memory.ts';
import { mountBench } from './benches/mount.ts';
import { podCertificateBench } from './benches/pod-certificate.ts';
import { podReadyBench } from './benches/pod-ready.ts';
import { requestsBench } from './benches/requests.ts';
import { rotationBench } from './benches/rotation.ts';
import { stormBench } from './benches/storm.ts';
import { trustBench } from './benches/trust.ts';

/** In the order of `all`. */
export const benches: readonly Bench[] = [
  mountBench,
  stormBench,
  requestsBench,
  podReadyBench,
  podCertificateBench,
  rotationBench,
  trustBench,
  memoryBench,
  keygenBench,
];
