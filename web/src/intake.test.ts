import { describe, expect, it } from "vitest";
import { classify, fields, guessKind } from "./intake";

describe("what was typed", () => {
  it("is a link when it is nothing but an address", () => {
    expect(classify("  https://example.org/clip.mp4 ")).toEqual({ url: "https://example.org/clip.mp4" });
  });

  it.each(["see https://example.org", "ftp://example.org/a", "https://", "javascript:alert(1)", "example.org"])("%s is text", (typed) => {
    expect(classify(typed)).toEqual({ text: typed });
  });

  it("keeps the spaces of a text, and is nothing when empty", () => {
    expect(classify(" a \n")).toEqual({ text: " a \n" });
    expect(classify(" \n")).toBeNull();
  });
});

describe("what the file looks like", () => {
  it.each([
    ["image/png", "x", "image"],
    ["", "IMG_1.HEIC", "image"],
    ["", "a.mkv", "video"],
    ["audio/flac", "a", "audio"],
    ["", "a.opus", "audio"],
    ["application/pdf", "a", "pdf"],
    ["", "letter.PDF", "pdf"],
    ["text/html", "a.html", "html"],
    ["", "README", "text"],
  ])("%s %s is %s", (type, name, kind) => {
    expect(guessKind({ type, name })).toBe(kind);
  });
});

describe("choices", () => {
  it("are sent only when made, with a point for the decimals", () => {
    expect(fields({ policy: "quick", caption: "", start: " 1,5 ", end: "", rate: "" })).toEqual({ policy: "quick", start: "1.5" });
  });
});
