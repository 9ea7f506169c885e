import { describe, expect, it } from "vitest";
import type { Track } from "./shapes";
import { bestMoment, boxAt, grouped, nudged, ordinal, packed, range, tally, within } from "./tracks";

const picture = { width: 100, height: 80 };
const made = (id: string, kind: Track["kind"], times: number[], sizes: number[] = []): Track => ({
  id,
  kind,
  enabled: true,
  confidence: 1,
  start: times[0] ?? 0,
  end: times[times.length - 1] ?? 0,
  label: "",
  thumbnail: "",
  boxes: times.map((time, i) => ({ time, x: time * 10, y: 0, width: sizes[i] ?? 20, height: 20, seen: true })),
});

describe("where a track is", () => {
  const moving = made("face-1", "face", [1, 2, 4]);

  it("goes in straight lines from box to box", () => {
    expect(boxAt(moving, 1, 10)?.x).toBe(10);
    expect(boxAt(moving, 1.5, 10)?.x).toBe(15);
    expect(boxAt(moving, 3, 10)?.x).toBe(30);
    expect(boxAt(moving, 4, 10)?.x).toBe(40);
  });

  it("is nowhere before it comes and after it went, but for less than a frame", () => {
    expect(boxAt(moving, 0.9, 10)).toBeNull();
    expect(boxAt(moving, 4.1, 10)).toBeNull();
    expect(boxAt(moving, 0.99, 10)?.x).toBe(10);
    expect(boxAt(moving, 4.01, 10)?.x).toBe(40);
  });

  it("is in a picture whatever the time", () => {
    expect(boxAt(made("face-1", "face", [0]), 7, 0)).toMatchObject({ x: 0, width: 20 });
  });

  it("is at one place when two boxes say the same moment", () => {
    expect(boxAt(made("face-1", "face", [2, 2]), 2, 10)?.x).toBe(20);
  });
});

it("is best looked at where it was seen largest", () => {
  const track = made("face-1", "face", [-1, 2, 5, 11], [90, 20, 40, 90]);
  expect(bestMoment(track, 10)).toBe(5);
  track.boxes.forEach((key) => (key.seen = false));
  expect(bestMoment(track, 10)).toBe(0);
});

it("is listed within the file", () => {
  expect(range({ start: -1, end: 11 }, 10)).toEqual({ start: 0, end: 10 });
});

describe("order", () => {
  it("is by kind, then by time", () => {
    const groups = grouped([made("manual-1", "manual", [0, 1]), made("face-2", "face", [5, 6]), made("face-1", "face", [1, 2])]);
    expect(groups.map((group) => group.kind)).toEqual(["face", "manual"]);
    expect(groups[0]?.tracks.map((one) => one.id)).toEqual(["face-1", "face-2"]);
  });

  it("puts tracks one after another into one lane, and beside each other into two", () => {
    const lanes = packed([made("face-1", "face", [0, 3]), made("face-2", "face", [2, 5]), made("face-3", "face", [4, 6]), made("plate-1", "plate", [7, 8])]);
    expect(lanes.map((lane) => lane.tracks.map((one) => one.id))).toEqual([["face-1", "face-3"], ["face-2"], ["plate-1"]]);
  });

  it("keeps numbers of ids", () => {
    expect([ordinal("face-12"), ordinal("face-3-again"), ordinal("x")]).toEqual([12, 3, 0]);
  });
});

it("counts what goes and what stays", () => {
  const tracks = [made("face-1", "face", [0]), { ...made("face-2", "face", [0]), enabled: false }];
  expect(tally({ version: 1, sha256: "", ...picture, duration: 0, targets: [], settings: {}, tracks, spans: [] })).toEqual({ covered: 1, kept: 1 });
});

describe("a box under the keyboard", () => {
  const box = { x: 10, y: 10, width: 20, height: 20 };

  it("moves and grows by steps", () => {
    expect(nudged(box, "ArrowRight", false, 5, picture)).toEqual({ ...box, x: 15 });
    expect(nudged(box, "ArrowUp", true, 5, picture)).toEqual({ ...box, height: 15 });
    expect(nudged(box, "Enter", false, 5, picture)).toBeNull();
  });

  it("stays inside and can always be seen", () => {
    expect(nudged(box, "ArrowLeft", false, 50, picture)).toEqual({ ...box, x: 0 });
    expect(within({ x: 95, y: 75, width: 20, height: 1 }, picture)).toEqual({ x: 80, y: 75, width: 20, height: 4 });
    expect(within({ x: 0, y: 0, width: 500, height: 500 }, picture)).toEqual({ x: 0, y: 0, ...picture });
  });
});
