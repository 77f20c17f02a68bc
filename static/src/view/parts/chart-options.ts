// A chart's data as options of uPlot.

import uPlot from 'uplot';

import type { Palette } from '../../draw/palette';
import type { ChartAxis, ChartColour, ChartRule, ChartSeries, ChartSpec } from './chart-spec';

/** Colours of a chart's roles under the present theme. */
export type ChartColours = Readonly<Record<ChartColour, string>> & { readonly grid: string; readonly font: string };

const TICK_PX = 11;

/** The colours of a chart, from those of canvases. */
export function chartColours(palette: Palette): ChartColours {
  return {
    ink: palette.ink,
    'ink-3': palette.ink3,
    accent: palette.accent,
    more: palette.more,
    line: palette.magnitude[4]!,
    bars: palette.magnitude[3]!,
    band: palette.magnitude[1]!,
    counts: palette.lineStrong,
    grid: palette.grid,
    font: `${TICK_PX}px ${palette.fontUi}`,
  };
}

/** Bars from each x to its end, one pixel apart. */
function barPaths(spec: ChartSpec): uPlot.Series.PathBuilder {
  return (u, seriesIndex) => {
    const fill = new Path2D();
    const values = spec.series[seriesIndex - 1]!.values;
    const foot = u.valToPos(0, 'y', true);
    for (const [i, value] of values.entries()) {
      if (value === null || value <= 0) continue;
      const left = u.valToPos(spec.xs[i]!, 'x', true);
      const right = u.valToPos(spec.ends?.[i] ?? spec.xs[i]!, 'x', true);
      const top = u.valToPos(value, 'y', true);
      fill.rect(left, top, Math.max(1, right - left - uPlot.pxRatio), foot - top);
    }
    return { fill, flags: 0 };
  };
}

function seriesOf(spec: ChartSpec, series: ChartSeries, colours: ChartColours): uPlot.Series {
  const colour = colours[series.colour];
  if (series.mark === 'bars')
    return { label: series.label, fill: colour, points: { show: false }, paths: barPaths(spec) };
  if (series.mark === 'hidden') return { label: series.label, width: 0, points: { show: false } };
  return {
    label: series.label,
    stroke: colour,
    width: series.widthPx ?? 1.5,
    points: { show: series.mark === 'points' || series.values.length === 1, size: 4, fill: colour },
    ...(series.dashed === true ? { dash: [4, 3] } : {}),
    ...(series.mark === 'steps' ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
  };
}

function axisOf(axis: ChartAxis, colours: ChartColours, side: 'x' | 'y', fixed: { x: number; y: number }): uPlot.Axis {
  return {
    scale: side,
    font: colours.font,
    stroke: colours['ink-3'],
    size: side === 'x' ? fixed.x : fixed.y,
    gap: 5,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map((value) => axis.format(value)),
    ...(axis.ticks === undefined
      ? {}
      : { splits: () => [...axis.ticks!], filter: (_: uPlot, splits: number[]) => splits }),
  };
}

function scaleOf(axis: ChartAxis): uPlot.Scale {
  const scale: uPlot.Scale = { time: axis.kind === 'time', distr: axis.kind === 'log' ? 3 : 1 };
  if (axis.range !== undefined) scale.range = [axis.range[0], axis.range[1]];
  return scale;
}

/** Room for ticks at the side and below; the same for charts that stand on top of each other. */
const ROOM = { x: 24, y: 48 };

/** Options for a chart of this size; its data are `chartData`. */
export function chartOptions(
  spec: ChartSpec,
  colours: ChartColours,
  size: { readonly width: number; readonly height: number },
  onhover: (index: number | undefined) => void,
): uPlot.Options {
  return {
    ...size,
    padding: [14, spec.series.some((series) => series.name !== undefined) ? 34 : 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
    scales: { x: scaleOf(spec.x), y: scaleOf(spec.y) },
    axes: [axisOf(spec.x, colours, 'x', ROOM), axisOf(spec.y, colours, 'y', ROOM)],
    series: [{}, ...spec.series.map((series) => seriesOf(spec, series, colours))],
    bands: spec.band === undefined ? [] : [{ series: [spec.band[0] + 1, spec.band[1] + 1], fill: colours.band }],
    hooks: {
      draw: [
        (u) => {
          paintNames(u, spec, colours);
          paintRings(u, spec, colours);
          for (const rule of spec.rules ?? []) paintRule(u, rule, colours);
        },
      ],
      setCursor: [(u) => onhover(u.cursor.idx ?? undefined)],
    },
  };
}

export function chartData(spec: ChartSpec): uPlot.AlignedData {
  return [[...spec.xs], ...spec.series.map((series) => [...series.values])];
}

function paintNames(u: uPlot, spec: ChartSpec, colours: ChartColours): void {
  const { ctx } = u;
  ctx.save();
  scaledFont(ctx, colours);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  const named = spec.series.flatMap((series) => {
    const last = series.values.findLastIndex((value) => value !== null);
    if (series.name === undefined || last < 0) return [];
    const x = u.valToPos(spec.xs[last]!, 'x', true) + 6 * uPlot.pxRatio;
    return [{ name: series.name, colour: series.colour, x, y: u.valToPos(series.values[last]!, 'y', true) }];
  });
  // From the top down, each at least a line below the one before.
  let free = -Infinity;
  for (const { name, colour, x, y } of named.sort((a, b) => a.y - b.y)) {
    const line = Math.max(y, free);
    free = line + (TICK_PX + 1) * uPlot.pxRatio;
    ctx.fillStyle = colours[colour];
    ctx.fillText(name, x, line);
  }
  ctx.restore();
}

function paintRings(u: uPlot, spec: ChartSpec, colours: ChartColours): void {
  const { ctx } = u;
  ctx.save();
  scaledFont(ctx, colours);
  ctx.strokeStyle = ctx.fillStyle = colours.more;
  ctx.lineWidth = 1.8 * uPlot.pxRatio;
  ctx.textAlign = 'center';
  for (const ring of spec.rings ?? []) {
    const x = u.valToPos(ring.x, 'x', true);
    const y = u.valToPos(ring.y, 'y', true);
    ctx.beginPath();
    ctx.arc(x, y, 6 * uPlot.pxRatio, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.fillText(ring.text, x, y - 11 * uPlot.pxRatio);
  }
  ctx.restore();
}

function paintRule(u: uPlot, rule: ChartRule, colours: ChartColours): void {
  const { ctx } = u;
  const x = Math.round(u.valToPos(rule.x, 'x', true));
  if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
  ctx.save();
  scaledFont(ctx, colours);
  ctx.strokeStyle = ctx.fillStyle = colours[rule.colour];
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  if (rule.dashed === true) ctx.setLineDash([2 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(x, 0);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
  const room = x - u.bbox.left > u.bbox.width / 2;
  ctx.textAlign = room ? 'right' : 'left';
  ctx.fillText(rule.text, x + (room ? -6 : 6) * uPlot.pxRatio, 10 * uPlot.pxRatio);
  ctx.restore();
}

/** uPlot's canvas counts device pixels. */
function scaledFont(ctx: uPlot['ctx'], colours: ChartColours): void {
  ctx.font = colours.font.replace(`${TICK_PX}px`, `${TICK_PX * uPlot.pxRatio}px`);
}
