import { afterEach, describe, expect, it } from "vitest";
import { language } from "../i18n";
import { covered, nameOf, operatorsOf, secondLook } from "./report";
import type { Redaction } from "./shapes";

afterEach(() => language.set("en"));

const file = { name: "a.mp4", bytes: 1, sha256: "x" };
const made = (result: Partial<NonNullable<Redaction["result"]>> | null, kind: Redaction["kind"] = "video"): Redaction =>
  ({
    kind,
    result: result && { source: file, output: file, planSha256: "p", tracks: {}, kept: [], rendered: 1, ...result },
  }) as Redaction;
const leak = { kind: "face", time: 1 };

describe("what was covered", () => {
  it("is told in words", () => {
    const said = covered(made({ tracks: { face: 2, plate: 0, manual: 1 }, kept: ["face-2"], frames: { total: 360, covered: 312 } }));
    expect(said).toEqual(["Found: 2 faces, 1 box drawn by hand.", "312 of 360 frames have something covered.", "1 of them stays, as you chose."]);
  });

  it("says when there was nothing", () => {
    expect(covered(made({}, "image"))).toEqual(["Nothing was found."]);
    expect(covered(made(null))).toEqual([]);
  });

  it("names kinds that came later than this page", () => {
    expect(covered(made({ tracks: { full_body: 1 } }, "image"))).toEqual(["Found: full body × 1."]);
  });

  it("counts what was heard and what was read", () => {
    expect(covered(made({ spans: { unsure: 2, manual: 1 }, found: { phone: 1 } }, "audio"))).toEqual([
      "Found: Speech hardly understood × 2, 1 stretch marked by hand, Phone × 1.",
    ]);
  });
});

describe("the second look", () => {
  it("is calm only when it was made and found nothing", () => {
    const look = { looks: 7, leaksInFirstRendering: [], leaks: [] };
    expect(secondLook(made({ secondLook: look }))).toMatchObject({ calm: true });
    expect(secondLook(made({ secondLook: { ...look, leaks: [leak] } })).calm).toBe(false);
    expect(secondLook(made({ secondLook: null }))).toMatchObject({ calm: false, said: ["No second look was recorded."] });
  });

  it("does not hide that the first rendering leaked", () => {
    const { said, calm } = secondLook(made({ secondLook: { looks: 7, leaksInFirstRendering: [leak, leak], leaks: [] } }));
    expect(calm).toBe(true);
    expect(said[1]).toContain("still showed 2 places");
  });
});

it("names things in the language of the page", () => {
  expect(nameOf({ id: "face-3", kind: "face" })).toBe("Face 3");
  expect(nameOf({ id: "manual-1", kind: "manual", boxes: [] })).toBe("Your box 1");
  expect(nameOf({ id: "manual-1", kind: "manual" })).toBe("Your mark 1");
  language.set("vi");
  expect(nameOf({ id: "plate-2", kind: "plate" })).toBe("Biển số 2");
});

it("tells the operators, of the two for text the one that such a file knows", () => {
  const operators = "faces=blur,text=solid,text=label";
  expect(operatorsOf({ ...made(null, "image"), operators })).toEqual(["Faces: Blur", "Personal data in text: Cover solid"]);
  expect(operatorsOf({ ...made(null, "text"), operators: "text=solid,text=label" })).toEqual(["Personal data in text: Label: [PERSON]"]);
  expect(operatorsOf({ ...made(null, "audio"), operators: "tone" })).toEqual(["Tone"]);
});
