// @prometheus-io/client types its root only. The root loads clusters, gateways, summaries and OpenTelemetry, which
// cost a process 14 MB of resident memory; these parts cost 5.
declare module '@prometheus-io/client/lib/registry.js' {
  import { Registry } from '@prometheus-io/client';
  export default Registry;
}
declare module '@prometheus-io/client/lib/counter.js' {
  import { Counter } from '@prometheus-io/client';
  export default Counter;
}
declare module '@prometheus-io/client/lib/gauge.js' {
  import { Gauge } from '@prometheus-io/client';
  export default Gauge;
}
declare module '@prometheus-io/client/lib/histogram.js' {
  import { Histogram } from '@prometheus-io/client';
  export default Histogram;
}
