import type { Lane } from "../wire";

/** An SVG path in a box of 1000 × 100 that steps along the scores of a lane. */
export function path(points: Lane["points"], duration: number): string {
  if (!points.length || duration <= 0) return "";
  const ordered = [...points].sort((a, b) => a.time - b.time);
  const x = (time: number) => round((Math.min(duration, Math.max(0, time)) / duration) * 1000);
  const gaps = ordered.slice(1).map((point, i) => point.time - (ordered[i]?.time ?? 0)).sort((a, b) => a - b);
  const usual = gaps[Math.floor(gaps.length / 2)] ?? Math.min(1, duration);
  let drawn = "";
  ordered.forEach((point, i) => {
    const next = ordered[i + 1]?.time ?? point.time + usual;
    const end = Math.min(next, point.time + usual * 2, duration); // a hole in the samples stays a hole
    const top = round(100 - Math.min(1, Math.max(0, point.score)) * 100);
    drawn += `M${x(point.time)} 100V${top}H${Math.max(x(end), x(point.time) + 1)}V100Z`;
  });
  return drawn;
}

/** The stretch of a span as shares of the duration, never too thin to see or to hit. */
export function stretch(start: number, end: number, duration: number): { left: number; width: number } {
  if (duration <= 0) return { left: 0, width: 0 };
  const left = Math.min(1, Math.max(0, start / duration));
  const width = Math.min(1 - left, Math.max(0.004, (end - start) / duration));
  return { left, width };
}

/** The end of the media as the report knows it, when the browser has no copy to ask. */
export function lastMoment(lanes: Lane[], others: number[]): number {
  const times = lanes.flatMap((lane) => [...lane.points.map((p) => p.time), ...lane.spans.map((s) => s.end)]);
  return [...times, ...others].reduce((most, time) => Math.max(most, time), 0);
}

/** Frames a second, from frames whose number and time are both known; null when nothing tells. */
export function frameRate(frames: { frame: number; time: number }[]): number | null {
  const last = frames.reduce((best, f) => (f.time > (best?.time ?? 0) ? f : best), undefined as { frame: number; time: number } | undefined);
  if (!last || last.frame < 1 || last.time <= 0) return null;
  const rate = last.frame / last.time;
  return rate >= 1 && rate <= 300 ? rate : null;
}

/** The time to seek to for a step of `frames`; the middle of a frame, so that rounding never shows its neighbour. */
export function stepTime(now: number, frames: number, rate: number, duration: number): number {
  const index = Math.floor(now * rate + 1e-6) + frames;
  const last = Math.max(0, Math.ceil(duration * rate) - 1);
  return (Math.min(last, Math.max(0, index)) + 0.5) / rate;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
