import type { Finding, Region } from "../wire";

/** What "show me" asks the viewer to turn to. `turn` counts, so that asking twice works twice. */
export interface Look {
  turn: number;
  detector: string;
  time?: number;
  region?: Box;
  span?: { start: number; end: number; unit: "seconds" | "characters" };
}

const FAINT = 0.05; // a map that never gets brighter shows nothing

type Box = Pick<Region, "x" | "y" | "width" | "height">;

/** The smallest box around all of them: a copy is only seen beside its source. */
export function union(boxes: Box[]): Box {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}


/** Where a finding can be seen: its strongest box, stretch or frame, or its map unless that is empty; null for none of these. */
export function lookAt(finding: Finding, peak: number): Omit<Look, "turn"> | null {
  const strongest = <T extends { score?: number | null }>(list: T[]) =>
    list.reduce<T | undefined>((best, one) => ((one.score ?? 0) > (best?.score ?? -1) ? one : best), undefined);
  const look: Omit<Look, "turn"> = { detector: finding.detector };
  const region = strongest(finding.regions);
  const span = strongest(finding.spans);
  const frame = strongest(finding.frames);
  if (region) look.region = union(finding.regions.filter((one) => one === region || (one.group !== null && one.group === region.group && one.time === region.time)));
  if (typeof region?.time === "number") look.time = region.time;
  if (span) look.span = span;
  if (look.time === undefined && span?.unit === "seconds") look.time = span.start;
  if (look.time === undefined && frame) look.time = frame.time;
  return region || span || frame || peak > FAINT ? look : null;
}
