import { describe, expect, it } from "vitest";
import { EventParser } from "./sse";

const stream = ': still here\n\nevent: progress\ndata: {"percent":\ndata: 12}\n\nid: 7\r\nevent: end\r\ndata: {}\r\n\r\n';
const events = [
  { event: "progress", data: '{"percent":\n12}', id: "" },
  { event: "end", data: "{}", id: "7" },
];

describe("server-sent events", () => {
  it("come out whole", () => {
    expect(new EventParser().feed(stream)).toEqual(events);
  });

  it.each([1, 2, 3, 5, 7])("come out the same in chunks of %d", (size) => {
    const parser = new EventParser();
    const found = [];
    for (let i = 0; i < stream.length; i += size) found.push(...parser.feed(stream.slice(i, i + size)));
    expect(found).toEqual(events);
  });

  it("are not made of comments or of unfinished lines", () => {
    const parser = new EventParser();
    expect(parser.feed(": beat\n\n")).toEqual([]);
    expect(parser.feed("data: half")).toEqual([]);
    expect(parser.feed("\n\n")).toEqual([{ event: "message", data: "half", id: "" }]);
  });
});
