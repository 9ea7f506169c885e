import { afterEach, describe, expect, it } from "vitest";
import { language } from "./i18n";
import { differences, grade, mapDisagrees, metadataDifferences, said, signals, sorted, title, wording, zones } from "./reading";
import { lookAt, union } from "./viewer/look";
import type { Assessment, Finding, Report } from "./wire";

function finding(detector: string, part: Partial<Finding> = {}): Finding {
  return {
    detector,
    version: "1",
    signal: "noise",
    score: 0.5,
    reason: null,
    raw: null,
    weight: 0,
    title: "",
    titles: {},
    summary: "measured",
    translations: {},
    reliability: { value: 0, basis: "" },
    regions: [],
    spans: [],
    frames: [],
    heatmap: null,
    overlay: null,
    parameters: {},
    measurements: {},
    libraries: {},
    reference: "",
    error: null,
    ...part,
  } as Finding;
}

function report(...all: Finding[]): Report {
  const rows = Object.fromEntries(signals.map((name) => [name, { score: null, weight: 0, findings: all.filter((f) => f.signal === name) }]));
  return { signalBreakdown: rows, metadata: [] } as unknown as Report;
}

afterEach(() => language.set("en"));

it("puts the heaviest first, then failures, then the unmeasured", () => {
  const { scored, silent } = sorted(
    report(
      finding("light", { weight: 0.1, score: 0.9 }),
      finding("none", { score: null, reason: "no_face" }),
      finding("heavy", { weight: 0.9, score: 0.1, signal: "audio" }),
      finding("raw", { score: null, reason: "uncalibrated" }),
      finding("broken", { score: null, reason: "failed", signal: "audio" }),
    ),
  );
  expect(scored.map((f) => f.detector)).toEqual(["heavy", "light"]);
  expect(silent.map((f) => f.detector)).toEqual(["broken", "raw", "none"]);
});

it("grades in words, and calls the half undecided", () => {
  expect([0, 0.2, 0.5, 0.65, 0.9, 1].map(grade)).toEqual(["low", "middle", "middle", "raised", "high", "high"]);
});

describe("the ruler", () => {
  it("covers 0 to 100 without a gap", () => {
    const all = zones({ authentic: 20, suspicious: 65, manipulated: 90 });
    expect(all.map((zone) => zone.label)).toEqual(["Likely Authentic", "Inconclusive", "Suspicious", "Likely Manipulated"]);
    expect(all[0]?.from).toBe(0);
    expect(all.at(-1)?.to).toBe(100);
    all.slice(1).forEach((zone, i) => expect(zone.from).toBe(all[i]?.to));
  });

  it("leaves out zones that a policy closed, and shows none when nothing is known", () => {
    expect(zones({ authentic: 0, suspicious: 65, manipulated: 100 }).map((zone) => zone.label)).toEqual(["Inconclusive", "Suspicious"]);
    expect(zones({})).toEqual([]);
  });
});

it("tells when map and score disagree, and only then", () => {
  expect(mapDisagrees(0.1, 0.95)).toBe("bright_map");
  expect(mapDisagrees(0.9, 0.05)).toBe("empty_map");
  expect(mapDisagrees(0.9, 0.95)).toBeNull();
  expect(mapDisagrees(0.1, 0.1)).toBeNull();
  expect(mapDisagrees(null, 1)).toBeNull();
});

it("speaks the language of the page where it can", () => {
  const one = finding("jpeg_grid", { titles: { vi: "Lưới JPEG" }, translations: { vi: "đã đo" } });
  expect(title(one)).toBe("Jpeg grid");
  expect(said(one, one.summary)).toBe("measured");
  language.set("vi");
  expect(title(one)).toBe("Lưới JPEG");
  expect(said(one, one.summary)).toBe("đã đo");
  const overall = { explanation: "en", recommendations: [], notes: [], translations: {} } as unknown as Assessment;
  expect(wording(overall).explanation).toBe("en");
});

describe("two reports", () => {
  it("are compared method by method, the widest gap first", () => {
    const left = report(finding("a", { score: 0.2 }), finding("b", { score: 0.1 }), finding("c", { score: null, reason: "no_face" }));
    const right = report(finding("a", { score: 0.3 }), finding("b", { score: 0.9 }), finding("d", { score: 0.4 }));
    const rows = differences(left, right);
    expect(rows.map((row) => row.detector)).toEqual(["b", "a", "d", "c"]);
    expect(rows[0]?.gap).toBeCloseTo(0.8);
    expect(rows[2]).toMatchObject({ left: undefined, gap: null });
  });

  it("differ in metadata where the values do", () => {
    const row = (name: string, value: string) => ({ group: "exif", name, value, odd: false, note: null });
    const left = { ...report(), metadata: [row("Make", "A"), row("Model", "M")] } as Report;
    const right = { ...report(), metadata: [row("Make", "A"), row("Software", "S")] } as Report;
    expect(metadataDifferences(left, right).filter((field) => !field.same)).toEqual([
      { key: "exif · Model", left: "M", right: "", same: false },
      { key: "exif · Software", left: "", right: "S", same: false },
    ]);
  });
});

describe("show me", () => {
  it("goes to the strongest place, with the rest of its group", () => {
    const box = (x: number, score: number, group: number) => ({ x, y: 0, width: 10, height: 10, score, group, note: null, time: null });
    const look = lookAt(finding("a", { regions: [box(0, 0.4, 1), box(100, 0.9, 1), box(500, 0.3, 2)] }), 0);
    expect(look?.region).toEqual({ x: 0, y: 0, width: 110, height: 10 });
  });

  it("has nothing to show for an empty map", () => {
    expect(lookAt(finding("a"), 0.01)).toBeNull();
    expect(lookAt(finding("a"), 0.6)).toEqual({ detector: "a" });
  });

  it("goes to the moment of a span or frame", () => {
    const spans = [{ start: 3, end: 4, unit: "seconds" as const, score: null, note: null }];
    expect(lookAt(finding("a", { spans }), 0)?.time).toBe(3);
    const frames = [{ frame: 1, time: 1, score: 0.2 }, { frame: 9, time: 9, score: 0.7 }];
    expect(lookAt(finding("a", { frames }), 0)?.time).toBe(9);
  });

  it("joins boxes", () => {
    expect(union([{ x: 5, y: 5, width: 5, height: 5 }])).toEqual({ x: 5, y: 5, width: 5, height: 5 });
  });
});
