/** Where tracks are, in the picture and in time. */
import type { Box } from "../viewer/geometry";
import type { Plan, Track } from "./shapes";

const SLACK = 0.02; // seconds: a player's clock and a frame's time differ by less than a frame

/** The box of a track at a moment; null where it covers nothing. A picture has one moment only. */
export function boxAt(track: Track, time: number, duration: number): Box | null {
  const { boxes } = track;
  const first = boxes[0];
  const last = boxes[boxes.length - 1];
  if (!first || !last) return null;
  if (duration === 0) return first;
  if (time < first.time - SLACK || time > last.time + SLACK) return null;
  const next = boxes.findIndex((key) => key.time > time);
  if (next === 0) return first;
  const after = boxes[next];
  const before = boxes[(next < 0 ? boxes.length : next) - 1];
  if (!after || !before) return last;
  const share = (time - before.time) / (after.time - before.time || 1);
  const between = (a: number, b: number) => a + share * (b - a);
  return {
    x: between(before.x, after.x),
    y: between(before.y, after.y),
    width: between(before.width, after.width),
    height: between(before.height, after.height),
  };
}

/** A moment at which the track is surely there and large: where to look at it. */
export function bestMoment(track: Track, duration: number): number {
  const seen = track.boxes.filter((key) => key.seen && key.time >= 0 && key.time <= duration);
  const best = seen.reduce((most, key) => (key.width * key.height > most.width * most.height ? key : most), seen[0] ?? { time: track.start, width: 0, height: 0 });
  return Math.min(duration, Math.max(0, best.time));
}

/** When it is there, inside the file: tracks reach a little over both ends. */
export function range(one: { start: number; end: number }, duration: number): { start: number; end: number } {
  return { start: Math.max(0, one.start), end: duration > 0 ? Math.min(duration, one.end) : 0 };
}

export interface Group {
  kind: Track["kind"];
  tracks: Track[];
}

const order: readonly Track["kind"][] = ["face", "plate", "text", "manual"];

/** Tracks by kind, within a kind in order of their coming. */
export function grouped(tracks: readonly Track[]): Group[] {
  return order
    .map((kind) => ({ kind, tracks: tracks.filter((track) => track.kind === kind).sort((a, b) => a.start - b.start) }))
    .filter((group) => group.tracks.length > 0);
}

/** The number in an id: face-3 → 3. */
export function ordinal(id: string): number {
  return Number(/(\d+)\D*$/.exec(id)?.[1] ?? 0);
}

export interface Lane {
  id: string;
  tracks: Track[];
}

/**
 * Tracks packed into as few lanes as their times allow, kind by kind: a film may have hundreds of them, one after
 * another.
 */
export function packed(tracks: readonly Track[]): Lane[] {
  return grouped(tracks).flatMap((group) => {
    const lanes: Lane[] = [];
    for (const track of group.tracks) {
      const lane = lanes.find((one) => (one.tracks[one.tracks.length - 1]?.end ?? Infinity) < track.start);
      if (lane) lane.tracks.push(track);
      else lanes.push({ id: `${group.kind}-lane-${lanes.length}`, tracks: [track] });
    }
    return lanes;
  });
}

/** How many are covered and how many stay. */
export function tally(plan: Plan): { covered: number; kept: number } {
  const all = [...plan.tracks, ...plan.spans];
  const covered = all.filter((one) => one.enabled).length;
  return { covered, kept: all.length - covered };
}

/** Moves or resizes a box by the keyboard; it never leaves the picture. */
export function nudged(box: Box, key: string, resize: boolean, step: number, picture: { width: number; height: number }): Box | null {
  const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  if (!way) return null;
  const [dx = 0, dy = 0] = way;
  return resize ? within({ ...box, width: box.width + dx, height: box.height + dy }, picture) : within({ ...box, x: box.x + dx, y: box.y + dy }, picture);
}

/** A box pushed back into the picture, never smaller than a few pixels. */
export function within(box: Box, picture: { width: number; height: number }): Box {
  const width = Math.round(Math.min(picture.width, Math.max(4, box.width)));
  const height = Math.round(Math.min(picture.height, Math.max(4, box.height)));
  const inside = (at: number, room: number) => Math.round(Math.min(room, Math.max(0, at)));
  return { x: inside(box.x, picture.width - width), y: inside(box.y, picture.height - height), width, height };
}
