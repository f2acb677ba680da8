import type { Sample } from '../support/sample.ts';
import { drawPanels, type Panel } from './draw-panels.ts';

/** The whole run in one picture: memory, volumes, descriptors and lifetimes over time, with the restarts. */
export function drawSoak(title: string, samples: readonly Sample[]): string {
  const line = (name: string, of: (sample: Sample) => number | undefined): Panel['lines'][number] => ({
    name,
    points: samples.flatMap((sample) => {
      const value = of(sample);
      return value === undefined ? [] : [[sample.at, value] as const];
    }),
  });
  const panels: Panel[] = [
    {
      title: 'memory, MB',
      lines: [
        line('driver, resident', ({ driver }) => driver?.residentMb),
        line('driver, heap', ({ heapMb }) => heapMb),
        line('controller, resident', ({ controller }) => controller?.residentMb),
      ],
    },
    {
      title: 'volumes',
      lines: [
        line('published', ({ volumes }) => volumes),
        line('mounts', ({ mounts }) => mounts),
        line('CertificateRequests', ({ requests }) => requests),
      ],
    },
    {
      title: 'open in the driver',
      lines: [
        line('file descriptors', ({ driver }) => driver?.descriptors),
        line('timers', ({ timers }) => timers),
      ],
    },
    {
      title: 'until the first certificate expires, s',
      lines: [line('least of all volumes', ({ leastRemainingSeconds }) => leastRemainingSeconds)],
    },
  ];
  return drawPanels({
    title,
    panels,
    until: samples.at(-1)?.at ?? 1,
    marks: restarts(samples),
    bands: outages(samples),
  });
}

function restarts(samples: readonly Sample[]): number[] {
  return samples
    .filter(({ driverLife }, index) => index > 0 && driverLife !== samples[index - 1]?.driverLife)
    .map(({ at }) => at);
}

function outages(samples: readonly Sample[]): (readonly [number, number])[] {
  const bands: [number, number][] = [];
  for (const [index, { apiRunning, at }] of samples.entries()) {
    const last = bands.at(-1);
    if (apiRunning) continue;
    if (samples[index - 1]?.apiRunning === false && last !== undefined) last[1] = at;
    else bands.push([at, at + 1]);
  }
  return bands;
}
