import { describe, expect, it } from "vitest";
import { filterOf, request, search } from "./search";

const none = { q: "", label: "", since: "", until: "" };

describe("searching the history", () => {
  it("asks for nothing that was not given", () => {
    expect(request(none, null)).toBe("/api/v1/analyses?limit=50");
  });

  it("includes the whole of the last day", () => {
    const query = new URL(request({ ...none, since: "2026-11-20", until: "2026-11-20" }, "c1"), "http://x").searchParams;
    const hours = (Date.parse(query.get("until") ?? "") - Date.parse(query.get("since") ?? "")) / 3_600_000;
    expect(hours).toBe(24);
    expect(query.get("cursor")).toBe("c1");
  });

  it("survives being put into the address", () => {
    const filter = { ...none, q: "a&b=ü", label: "Likely Manipulated" };
    expect(filterOf(new URLSearchParams(search(filter).toString()))).toEqual(filter);
    expect(search(none).toString()).toBe("");
  });
});
