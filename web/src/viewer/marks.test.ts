import { describe, expect, it } from "vitest";
import { pieces, reasons } from "./marks";

const marked = (text: string, ...spans: [number, number][]) =>
  pieces(text, spans.map(([start, end]) => ({ start, end }))).map((piece) => [piece.text, piece.marks]);

describe("marks in a text", () => {
  it("cut it where they begin and end", () => {
    expect(marked("hello world", [6, 11])).toEqual([["hello ", []], ["world", [0]]]);
  });

  it("may overlap", () => {
    expect(marked("abcdef", [0, 4], [2, 6])).toEqual([["ab", [0]], ["cd", [0, 1]], ["ef", [1]]]);
  });

  it("count characters as the service does, by code point", () => {
    expect(marked("🙂🙂 stop", [3, 7])).toEqual([["🙂🙂 ", []], ["stop", [0]]]);
  });

  it("stay inside a text that was cut short", () => {
    expect(marked("abc", [1, 99], [50, 60])).toEqual([["a", []], ["bc", [0]]]);
  });

  it("lose no character", () => {
    const text = "Đà Nẵng 🏖️ hôm nay";
    expect(pieces(text, [{ start: 2, end: 9 }, { start: 8, end: 12 }]).map((piece) => piece.text).join("")).toBe(text);
  });
});

it("share a number when the reason is the same", () => {
  const spans = [
    { detector: "a", note: "x" },
    { detector: "a", note: "y" },
    { detector: "a", note: "x" },
    { detector: "b", note: "x" },
  ];
  expect(reasons(spans).of).toEqual([0, 1, 0, 2]);
  expect(reasons(spans).list).toHaveLength(3);
});
