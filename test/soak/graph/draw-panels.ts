export interface Panel {
  readonly title: string;
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

export interface Drawing {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Of the time axis, seconds. */
  readonly until: number;
  /** Moments that a thin line goes through. */
  readonly marks: readonly number[];
  /** Spans that are shaded. */
  readonly bands: readonly (readonly [number, number])[];
}

const [width, height] = [900, 150];
const margin = { left: 50, right: 150, top: 50, between: 46 };
const colours = ['#1f6fb4', '#d9822b', '#3a8a4d'];
const grey = '#888888';

/** Panels one below the other, each with its own scale from zero, over one time axis. Readable on white and on black. */
export function drawPanels(drawing: Drawing): string {
  const { panels, title } = drawing;
  const full = {
    width: margin.left + width + margin.right,
    height: margin.top + panels.length * (height + margin.between),
  };
  const parts = panels.map((panel, index) =>
    drawPanel(panel, margin.top + index * (height + margin.between), drawing),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${full.width} ${full.height}" font-family="sans-serif" font-size="12">`,
    label(margin.left, 22, title, 'font-size="15"'),
    ...parts.flat(),
    '</svg>\n',
  ].join('\n');
}

function drawPanel(panel: Panel, top: number, { bands, marks, until }: Drawing): string[] {
  const highest = niceCeiling(Math.max(0, ...panel.lines.flatMap(({ points }) => points.map(([, y]) => y))));
  const x = (seconds: number): string => (margin.left + (seconds / until) * width).toFixed(1);
  const y = (value: number): string => (top + height - (value / highest) * height).toFixed(1);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * highest);
  const minutes = minuteTicks(until);
  return [
    label(margin.left, top - 8, panel.title, 'font-weight="bold"'),
    ...bands.map(
      ([from, to]) =>
        `<rect x="${x(from)}" y="${top}" width="${(((to - from) / until) * width).toFixed(1)}" height="${height}" fill="${grey}" opacity="0.35"/>`,
    ),
    ...ticks.map(
      (value) =>
        `<line x1="${margin.left}" x2="${margin.left + width}" y1="${y(value)}" y2="${y(value)}" stroke="${grey}" stroke-width="0.5" opacity="0.5"/>${label(margin.left - 6, Number(y(value)) + 4, String(value), 'text-anchor="end"')}`,
    ),
    ...minutes.map((minute) =>
      label(Number(x(minute * 60)), top + height + 15, `${minute} min`, 'text-anchor="middle"'),
    ),
    ...marks.map(
      (at) =>
        `<line x1="${x(at)}" x2="${x(at)}" y1="${top}" y2="${top + height}" stroke="#c23b3b" stroke-width="1" stroke-dasharray="3 3"/>`,
    ),
    ...panel.lines.flatMap(({ name, points }, index) => [
      `<polyline fill="none" stroke="${colours[index]}" stroke-width="1.3" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`,
      `<rect x="${margin.left + width + 10}" y="${top + 4 + index * 18}" width="10" height="10" fill="${colours[index]}"/>`,
      label(margin.left + width + 25, top + 13 + index * 18, name),
    ]),
  ];
}

/** One, two or five times a power of ten that is not below the value. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10);
}

function minuteTicks(seconds: number): number[] {
  const step = [0.5, 1, 2, 5, 10, 30, 60].find((minutes) => seconds / 60 / minutes <= 10) ?? 120;
  return Array.from({ length: Math.floor(seconds / 60 / step) + 1 }, (_, index) => index * step);
}

function label(x: number, y: number, text: string, more = ''): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" fill="${grey}" ${more}>${escaped}</text>`;
}
