import { describe, expect, it } from "vitest";
import { applicable, request, reversible, usual } from "./choices";

describe("what is asked for", () => {
  it("is only what such a file can hold", () => {
    expect(request(usual, "image")?.targets).toBe("faces,plates,text");
    expect(request(usual, "video")?.targets).toBe("faces,plates,text,speech");
    expect(request(usual, "audio")).toMatchObject({ targets: "speech", operators: "speech=silence" });
    expect(request(usual, "html")?.targets).toBe("text");
    expect(applicable("link")).toHaveLength(4);
  });

  it("is nothing when nothing fits", () => {
    expect(request({ ...usual, targets: ["faces"] }, "audio")).toBeNull();
    expect(request({ ...usual, targets: [] }, "video")).toBeNull();
  });

  it("names the operator of each kind, for text both where it is seen and where it is written", () => {
    const choices = { ...usual, targets: ["plates", "text"] as const, plates: "blur" as const, words: "pseudonym" as const };
    expect(request(choices, "image")?.operators).toBe("plates=blur,text=solid,text=pseudonym");
  });

  it("looks first and strips metadata unless told otherwise", () => {
    expect(request(usual, "image")).toMatchObject({ review: true, keepMetadata: false });
  });
});

it("warns of what can be undone, if it is used at all", () => {
  expect(reversible(usual)).toBe(false);
  expect(reversible({ ...usual, faces: "blur" })).toBe(true);
  expect(reversible({ ...usual, faces: "blur", targets: ["plates"] })).toBe(false);
});
