import { certificateRequests } from '../../../src/api/certificate-request.ts';
import { keyOf } from '../../../src/kube/index.ts';
import { requestLabels } from '../../../src/api/driver-requests.ts';
import { BareApi } from './bare-api.ts';
import { nodeName } from './install-cluster.ts';
import { deleteRequests, RequestFactory } from './request-factory.ts';
import { RequestWatch } from './request-watch.ts';
import type { TestStand } from './test-stand.ts';

/**
 * The yardstick, with the status of a request that the controller has really signed: it must be running by now. A driver must
 * not, because it would delete the request, which is of its node and of no volume of it.
 */
export async function startBareApi(stand: TestStand): Promise<BareApi> {
  const client = stand.client(stand.driverAccount);
  const watch = await RequestWatch.start(client, `${requestLabels.node}=${nodeName}`);
  const factory = await RequestFactory.create(stand, client);
  const request = await factory.make();
  await client.resource(certificateRequests).create(request);
  const status = await watch.statusOf(keyOf(request));
  await watch.stop();
  client.close();
  await deleteRequests(stand.admin, stand.installed.pod.namespace);
  return BareApi.start(stand, factory, status);
}
