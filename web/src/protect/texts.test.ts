import { describe, expect, it } from "vitest";
import { decoded, excerpt, points, visible } from "./texts";
import { peaksOf } from "./waveform";

const bytes = (...values: number[]) => new Uint8Array(values).buffer;

describe("reading as the service does", () => {
  it("takes UTF-8, with or without a mark", () => {
    expect(decoded(new TextEncoder().encode("Nguyễn").buffer as ArrayBuffer)).toBe("Nguyễn");
    expect(decoded(bytes(0xef, 0xbb, 0xbf, 0x41))).toBe("A");
  });

  it("takes UTF-16 by its mark, and Windows-1252 when nothing else fits", () => {
    expect(decoded(bytes(0xff, 0xfe, 0x41, 0x00))).toBe("A");
    expect(decoded(bytes(0x63, 0x61, 0x66, 0xe9))).toBe("café");
  });

  it("counts an emoji once", () => {
    expect(points("a🙂b")).toBe(3);
    expect(excerpt("🙂 Anna Berg", 2, 11)).toBe("Anna Berg");
  });
});

it("does not show subtitles, of which the plan counts the spoken words alone", () => {
  expect(visible("1\n00:00:01,000 --> 00:00:02,000\nHello")).toBeNull();
  expect(visible("WEBVTT\n\n00:01.000 --> 00:02.000\nHello")).toBeNull();
  expect(visible("[Script Info]\nTitle: a")).toBeNull();
  expect(visible("An arrow --> here")).toBe("An arrow --> here");
});

it("keeps the extremes of every column", () => {
  expect(peaksOf([0, 0.5, -0.25, 0, 0.1, -1], 3)).toEqual([[0, 0.5], [-0.25, 0], [-1, 0.1]]);
  expect(peaksOf([0.5], 2)).toHaveLength(2);
});
