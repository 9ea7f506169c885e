import type { Region } from "../wire";
import type { Placement, Size } from "./geometry";
import type { Look } from "./look";

/** Boxes over the picture; lines join the boxes of one group, such as a copy and its source. */
export function Marks({ regions, place, box, look }: { regions: Region[]; place: Placement; box: Size; look: Look | null }) {
  if (!regions.length || !box.width) return null;
  const at = (region: Region) => ({
    x: region.x * place.scale + place.x,
    y: region.y * place.scale + place.y,
    width: Math.max(4, region.width * place.scale),
    height: Math.max(4, region.height * place.scale),
  });
  const groups = new Map<string, Region[]>();
  for (const region of regions) {
    if (region.group === null || region.group === undefined) continue;
    const key = `${region.detector} ${region.group}`;
    groups.set(key, [...(groups.get(key) ?? []), region]);
  }
  const centre = (region: Region) => {
    const shown = at(region);
    return { x: shown.x + shown.width / 2, y: shown.y + shown.height / 2 };
  };
  return (
    <svg class="marks" width={box.width} height={box.height} aria-hidden="true">
      {[...groups].flatMap(([key, members]) =>
        members.slice(1).map((member, i) => {
          const from = centre(members[0] ?? member);
          const to = centre(member);
          return <line key={`${key} ${i}`} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />;
        }),
      )}
      {regions.map((region, i) => {
        const shown = at(region);
        const asked = look?.detector === region.detector;
        return (
          <g key={i} class={asked ? "mark-box mark-asked" : "mark-box"}>
            <rect class="mark-halo" {...shown} />
            <rect {...shown} />
            <text x={shown.x + 4} y={shown.y > 18 ? shown.y - 5 : shown.y + 14}>
              {i + 1}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
