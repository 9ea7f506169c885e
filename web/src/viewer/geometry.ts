/** Where the picture lies in the viewer. `scale` is CSS pixels per picture pixel; `x`, `y` is the picture's corner. */
export interface Placement {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

export type Box = Point & Size;

export const MAX_ZOOM = 32; // device pixels per picture pixel

/** The whole picture in the middle; a small one is not blown up beyond one device pixel per picture pixel. */
export function fit(box: Size, picture: Size, ratio: number): Placement {
  const scale = Math.min(box.width / picture.width, box.height / picture.height, 1 / ratio);
  return centred(box, picture, scale > 0 && Number.isFinite(scale) ? scale : 1);
}

export function centred(box: Size, picture: Size, scale: number): Placement {
  return { scale, x: (box.width - picture.width * scale) / 2, y: (box.height - picture.height * scale) / 2 };
}

/** Keeps some of the picture in sight, and centres what is smaller than the box. */
export function clamp(place: Placement, box: Size, picture: Size): Placement {
  const axis = (at: number, room: number, length: number) =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at));
  return {
    scale: place.scale,
    x: axis(place.x, box.width, picture.width * place.scale),
    y: axis(place.y, box.height, picture.height * place.scale),
  };
}

/** Changes the scale so that the picture point under `at` stays where it is. */
export function zoomAt(place: Placement, at: Point, scale: number): Placement {
  const factor = scale / place.scale;
  return { scale, x: at.x - (at.x - place.x) * factor, y: at.y - (at.y - place.y) * factor };
}

export function limit(scale: number, smallest: number, ratio: number): number {
  return Math.min(MAX_ZOOM / ratio, Math.max(Math.min(smallest, 1 / ratio), scale));
}

/** The next scale up or down; whole multiples of a device pixel are stops, so that 1:1 and 2:1 are exact. */
export function step(scale: number, direction: 1 | -1, ratio: number): number {
  const now = scale * ratio;
  const stops = [1 / 16, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 2, 3, 4, 6, 8, 12, 16, 24, MAX_ZOOM];
  const next =
    direction > 0 ? stops.find((stop) => stop > now * 1.001) : [...stops].reverse().find((stop) => stop < now * 0.999);
  return (next ?? now) / ratio;
}

export function toPicture(place: Placement, at: Point): Point {
  return { x: (at.x - place.x) / place.scale, y: (at.y - place.y) / place.scale };
}

const LEAST_BOX = 3; // picture pixels: anything less was a click

/** The box between two corners, in whole pixels and inside the picture; null when it is too small to be meant. */
export function boxBetween(a: Point, b: Point, picture: Size): Box | null {
  const within = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)));
  const x = within(Math.min(a.x, b.x), picture.width);
  const y = within(Math.min(a.y, b.y), picture.height);
  const width = within(Math.max(a.x, b.x), picture.width) - x;
  const height = within(Math.max(a.y, b.y), picture.height) - y;
  return width >= LEAST_BOX && height >= LEAST_BOX ? { x, y, width, height } : null;
}

/** Where a part of the picture lies in the viewer, as CSS. */
export function shownAt(part: Box, place: Placement): Record<"left" | "top" | "width" | "height", string> {
  return {
    left: `${part.x * place.scale + place.x}px`,
    top: `${part.y * place.scale + place.y}px`,
    width: `${part.width * place.scale}px`,
    height: `${part.height * place.scale}px`,
  };
}

/** Puts a part of the picture in the middle, as large as fits with some air around it. */
export function show(part: Box, box: Size, picture: Size, ratio: number): Placement {
  const air = 2.2;
  const wanted = Math.min(box.width / (part.width * air || 1), box.height / (part.height * air || 1), 4 / ratio);
  const scale = limit(wanted, fit(box, picture, ratio).scale, ratio);
  const place = {
    scale,
    x: box.width / 2 - (part.x + part.width / 2) * scale,
    y: box.height / 2 - (part.y + part.height / 2) * scale,
  };
  return clamp(place, box, picture);
}

/** How the scale is stated: whether what is seen are the picture's own pixels. */
export function scaleKind(scale: number, ratio: number): "reduced" | "exact" | "enlarged" {
  const device = scale * ratio;
  if (Math.abs(device - 1) < 0.001) return "exact";
  return device < 1 ? "reduced" : "enlarged";
}
