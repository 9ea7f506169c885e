import { describe, expect, it } from "vitest";
import { addBox, addSpan, addWords, bare, cover, coverAll, draft, edit, place, redo, remove, retime, retimeSpan, undo } from "./plan";
import type { Plan, Track } from "./shapes";

const box = { x: 10, y: 20, width: 30, height: 40 };
const face = (id: string): Track => ({
  id,
  kind: "face",
  enabled: true,
  confidence: 0.9,
  start: 0,
  end: 4,
  label: "",
  thumbnail: "",
  boxes: [0, 4].map((time) => ({ time, ...box, seen: true })),
});
const film: Plan = {
  version: 1,
  sha256: "a",
  width: 640,
  height: 360,
  duration: 10,
  targets: ["faces", "speech"],
  settings: {},
  tracks: [face("face-1"), face("face-2")],
  spans: [{ id: "card-1", kind: "card", start: 1, end: 2, confidence: 0.8, enabled: true, label: "", unit: "seconds" }],
};
const picture: Plan = { ...film, duration: 0 };
const track = (plan: Plan, id: string) => plan.tracks.find((one) => one.id === id);

describe("covering and keeping", () => {
  it("touches one thing, and leaves the plan before as it was", () => {
    const next = cover(film, "face-2", false);
    expect(next.tracks.map((one) => one.enabled)).toEqual([true, false]);
    expect(film.tracks.every((one) => one.enabled)).toBe(true);
    expect(cover(film, "card-1", false).spans[0]?.enabled).toBe(false);
  });

  it("touches all of a kind", () => {
    expect(coverAll(film, "face", false).tracks.every((one) => !one.enabled)).toBe(true);
    expect(coverAll(film, "face", false).spans[0]?.enabled).toBe(true);
  });
});

describe("a box drawn by hand", () => {
  it("has a name of its own and goes from one moment to another", () => {
    const first = addBox(film, box, 8, 3);
    const second = addBox(first.plan, box, 0, 99);
    expect([first.id, second.id]).toEqual(["manual-1", "manual-2"]);
    expect(track(first.plan, "manual-1")).toMatchObject({ kind: "manual", enabled: true, confidence: 1, start: 3, end: 8 });
    expect(track(second.plan, "manual-2")?.boxes.map((key) => key.time)).toEqual([0, 10]);
  });

  it("has one moment only in a picture", () => {
    expect(track(addBox(picture, box, 0, 0).plan, "manual-1")?.boxes).toEqual([{ time: 0, ...box, seen: true }]);
  });

  it("lies on one page of a document, and stays on it", () => {
    const { plan, id } = addBox(film, box, 3, 3);
    expect(track(plan, id)?.boxes).toEqual([{ time: 3, ...box, seen: true }]);
    expect(track(place(plan, id, 3, { ...box, x: 70 }), id)?.boxes).toEqual([{ time: 3, ...box, x: 70, seen: true }]);
  });

  it("moves as a whole at its beginning, and along a line when it is moved later on", () => {
    const { plan } = addBox(film, box, 0, 10);
    const moved = place(plan, "manual-1", 0, { ...box, x: 50 });
    expect(track(moved, "manual-1")?.boxes.map((key) => [key.time, key.x])).toEqual([[0, 50], [10, 50]]);
    const along = place(moved, "manual-1", 5, { ...box, x: 90 });
    expect(track(along, "manual-1")?.boxes.map((key) => [key.time, key.x])).toEqual([[0, 50], [5, 90], [10, 50]]);
    const again = place(along, "manual-1", 5, { ...box, x: 95 });
    expect(track(again, "manual-1")?.boxes).toHaveLength(3);
  });

  it("is never what was found", () => {
    expect(place(film, "face-1", 0, { ...box, x: 300 })).toEqual(film);
    expect(remove(film, "face-1")).toEqual(film);
  });

  it("can begin and end at other moments", () => {
    const { plan } = addBox(film, box, 0, 10);
    const along = place(plan, "manual-1", 5, { ...box, x: 90 });
    expect(track(retime(along, "manual-1", 2, 8), "manual-1")?.boxes.map((key) => [key.time, key.x])).toEqual([[2, 10], [5, 90], [8, 10]]);
    const short = track(retime(along, "manual-1", 6, 8), "manual-1");
    expect(short).toMatchObject({ start: 6, end: 8 });
    expect(short?.boxes.map((key) => key.time)).toEqual([6, 8]);
  });

  it("is taken out", () => {
    expect(remove(addBox(film, box, 0, 1).plan, "manual-1")).toEqual(film);
  });
});

describe("a marked stretch", () => {
  it("lies inside the file, in order, and lasts", () => {
    expect(addSpan(film, 7, 5).plan.spans[1]).toMatchObject({ id: "manual-1", kind: "manual", start: 5, end: 7, unit: "seconds" });
    expect(addSpan(film, 10, 12).plan.spans[1]).toMatchObject({ start: 9.95, end: 10 });
    expect(addSpan(film, -3, 0).plan.spans[1]).toMatchObject({ start: 0, end: 0.05 });
  });

  it("can be set right", () => {
    const { plan, id } = addSpan(film, 1, 2);
    expect(retimeSpan(plan, id, 1.5, 2.25).spans[1]).toMatchObject({ start: 1.5, end: 2.25 });
  });

  it("of a text counts characters, which no length of time limits", () => {
    expect(addWords(picture, 120, 140).plan.spans[1]).toMatchObject({ start: 120, end: 140, unit: "characters" });
  });
});

describe("taking back", () => {
  it("goes back and forth, and an edit ends what could be done again", () => {
    const one = edit(draft(film), cover(film, "face-1", false));
    const two = edit(one, cover(one.plan, "face-2", false));
    expect(undo(two).plan).toBe(one.plan);
    expect(undo(undo(two)).plan).toBe(film);
    expect(undo(undo(undo(two))).plan).toBe(film);
    expect(redo(undo(two)).plan).toBe(two.plan);
    expect(redo(two)).toBe(two);
    expect(edit(undo(two), coverAll(film, "face", false)).future).toEqual([]);
  });

  it("does not count what changes nothing", () => {
    expect(edit(draft(film), film).past).toEqual([]);
  });
});

it("is sent without the thumbnails that the service has, and with all else", () => {
  const seen = { ...film, tracks: film.tracks.map((one) => ({ ...one, thumbnail: "data:image/jpeg;base64,AA==" })) };
  expect(bare(seen)).toEqual(film);
});
