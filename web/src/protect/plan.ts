/** Corrections of a plan: every one gives a new plan, so that each can be taken back. */
import type { Box } from "../viewer/geometry";
import type { KeyBox, Plan, SoundSpan, Track } from "./shapes";

const SHORTEST = 0.05; // seconds that a stretch drawn by hand lasts at least
const SAME_MOMENT = 1e-3;

/** Covers or keeps one track or span. What was found stays in the plan, so that the second look knows of it. */
export function cover(plan: Plan, id: string, enabled: boolean): Plan {
  return changeEach(plan, (one) => one.id === id, { enabled });
}

/** The same for all tracks and spans of one kind. */
export function coverAll(plan: Plan, kind: string, enabled: boolean): Plan {
  return changeEach(plan, (one) => one.kind === kind, { enabled });
}

function changeEach(plan: Plan, which: (one: Track | SoundSpan) => boolean, part: { enabled: boolean }): Plan {
  return {
    ...plan,
    tracks: plan.tracks.map((track) => (which(track) ? { ...track, ...part } : track)),
    spans: plan.spans.map((span) => (which(span) ? { ...span, ...part } : span)),
  };
}

/** A box drawn by hand, at rest from one moment to another; at one moment only in a picture or on a page. */
export function addBox(plan: Plan, box: Box, from: number, to: number): { plan: Plan; id: string } {
  const id = free(plan.tracks);
  const [start, end] = plan.duration === 0 ? [0, 0] : from === to ? [from, to] : span(from, to, plan.duration);
  const boxes = end > start ? [keyed(start, box), keyed(end, box)] : [keyed(start, box)];
  const track: Track = { id, kind: "manual", enabled: true, confidence: 1, start, end, label: "", thumbnail: "", boxes };
  return { plan: { ...plan, tracks: [...plan.tracks, track] }, id };
}

/** Moves a box drawn by hand at one moment; between two such moments it goes in a straight line. */
export function place(plan: Plan, id: string, time: number, box: Box): Plan {
  return changeTrack(plan, id, (track) => {
    const at = Math.min(track.end, Math.max(track.start, time));
    const held = resting(track); // a box at rest is moved as a whole until it is moved elsewhere at another moment
    const boxes = held && (at - track.start < SAME_MOMENT || plan.duration === 0)
      ? track.boxes.map((key) => ({ ...key, ...box }))
      : [...track.boxes.filter((key) => Math.abs(key.time - at) >= SAME_MOMENT), keyed(at, box)].sort((a, b) => a.time - b.time);
    return { ...track, boxes };
  });
}

/** Another beginning or end for a box drawn by hand. */
export function retime(plan: Plan, id: string, from: number, to: number): Plan {
  return changeTrack(plan, id, (track) => {
    const [start, end] = span(from, to, plan.duration);
    const first = track.boxes[0];
    const last = track.boxes[track.boxes.length - 1];
    if (!first || !last) return track;
    const between = track.boxes.filter((key) => key.time > start && key.time < end).slice();
    const ends = (key: KeyBox, time: number) => ({ ...key, time });
    // The first and the last box keep their places; only what lies between them stays at its moment.
    const inner = between.filter((key) => key !== first && key !== last);
    return { ...track, start, end, boxes: [ends(first, start), ...inner, ends(last, end)] };
  });
}

export function addSpan(plan: Plan, from: number, to: number): { plan: Plan; id: string } {
  const id = free(plan.spans);
  const [start, end] = span(from, to, plan.duration);
  return { plan: withSpan(plan, { id, start, end, unit: "seconds" }), id };
}

/** Words of a text, by code point. */
export function addWords(plan: Plan, start: number, end: number): { plan: Plan; id: string } {
  const id = free(plan.spans);
  return { plan: withSpan(plan, { id, start, end, unit: "characters" }), id };
}

function withSpan(plan: Plan, part: Pick<SoundSpan, "id" | "start" | "end" | "unit">): Plan {
  return { ...plan, spans: [...plan.spans, { kind: "manual", confidence: 1, enabled: true, label: "", ...part }] };
}

export function retimeSpan(plan: Plan, id: string, from: number, to: number): Plan {
  const [start, end] = span(from, to, plan.duration);
  return { ...plan, spans: plan.spans.map((one) => (one.id === id ? { ...one, start, end } : one)) };
}

/** Takes out what was added by hand. What was found can be kept visible, not taken out. */
export function remove(plan: Plan, id: string): Plan {
  const stays = (one: Track | SoundSpan) => one.id !== id || one.kind !== "manual";
  return { ...plan, tracks: plan.tracks.filter(stays), spans: plan.spans.filter(stays) };
}

/** As it is sent: the service still has the thumbnails. */
export function bare(plan: Plan): Plan {
  return { ...plan, tracks: plan.tracks.map((track) => ({ ...track, thumbnail: "" })) };
}

function changeTrack(plan: Plan, id: string, change: (track: Track) => Track): Plan {
  return { ...plan, tracks: plan.tracks.map((track) => (track.id === id && track.kind === "manual" ? change(track) : track)) };
}

const keyed = (time: number, box: Box): KeyBox => ({ time, ...box, seen: true });

function resting(track: Track): boolean {
  const [first, ...rest] = track.boxes;
  return rest.every((key) => key.x === first?.x && key.y === first.y && key.width === first.width && key.height === first.height);
}

/** Two moments in order, inside the file and not on top of each other. */
function span(from: number, to: number, duration: number): [number, number] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const end = Math.min(duration, Math.max(high, SHORTEST));
  return [round(Math.max(0, Math.min(low, end - SHORTEST))), round(end)];
}

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;

function free(taken: readonly { id: string }[]): string {
  const ids = new Set(taken.map((one) => one.id));
  let n = 1;
  while (ids.has(`manual-${n}`)) n += 1;
  return `manual-${n}`;
}

/** What can be taken back and done again. */
export interface Draft {
  past: readonly Plan[];
  plan: Plan;
  future: readonly Plan[];
}

export const draft = (plan: Plan): Draft => ({ past: [], plan, future: [] });

export function edit(now: Draft, plan: Plan): Draft {
  return plan === now.plan ? now : { past: [...now.past, now.plan], plan, future: [] };
}

export function undo(now: Draft): Draft {
  const before = now.past[now.past.length - 1];
  return before ? { past: now.past.slice(0, -1), plan: before, future: [now.plan, ...now.future] } : now;
}

export function redo(now: Draft): Draft {
  const [next, ...rest] = now.future;
  return next ? { past: [...now.past, now.plan], plan: next, future: rest } : now;
}
