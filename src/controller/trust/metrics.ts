import type { Metrics } from '../../runtime/metrics.ts';
import { rotationPhases } from './rotation/rotation.ts';

const phases = [...rotationPhases, 'no-room'] as const;

/** Read at each scrape. */
export interface TrustFigures {
  sets(): readonly { readonly name: string; readonly nodes: number; readonly covered: number }[];
  /** The phase of each CA issuer, or that its next CA has no room in its AnchorSet. */
  rotations(): readonly (typeof phases)[number][];
}

/** Of so many sets each has series of its own; the others are added up as "other". */
const setLabel = { set: { atMost: 100 } } as const;

/** How far anchors have come. */
export class TrustMetrics {
  /** @param figures of the present term; undefined while another process leads */
  constructor(metrics: Metrics, figures: () => TrustFigures | undefined) {
    const sets = (): ReturnType<TrustFigures['sets']> => figures()?.sets() ?? [];
    metrics.computed(
      {
        type: 'gauge',
        name: 'certmount_trust_nodes',
        help: 'Nodes with volumes that trust an anchor set.',
        labels: setLabel,
      },
      () => sets().map(({ name, nodes }) => ({ labels: { set: name }, value: nodes })),
    );
    metrics.computed(
      {
        type: 'gauge',
        name: 'certmount_trust_covered_nodes',
        help: 'Nodes whose volumes all have the present anchors of a set.',
        labels: setLabel,
      },
      () => sets().map(({ name, covered }) => ({ labels: { set: name }, value: covered })),
    );
    metrics.computed(
      {
        type: 'gauge',
        name: 'certmount_trust_rotations',
        help: 'CA issuers by the phase of their rotation.',
        labels: { phase: phases },
      },
      () => {
        const rotations = figures()?.rotations() ?? [];
        return phases.map((phase) => ({
          labels: { phase },
          value: rotations.filter((one) => one === phase).length,
        }));
      },
    );
  }
}
