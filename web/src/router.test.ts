import { describe, expect, it } from "vitest";
import { href, parse, type Route } from "./router";

describe("addresses", () => {
  const routes: Route[] = [
    { screen: "verify" },
    { screen: "system" },
    { screen: "protect" },
    { screen: "redaction", id: "a/b c" },
    { screen: "result", id: "a/b c" },
    { screen: "compare", left: "1", right: "2" },
    { screen: "history", query: new URLSearchParams({ q: "harbour & co", label: "Suspicious" }) },
  ];

  it.each(routes)("lead back to $screen", (route) => {
    expect(href(parse(href(route)))).toBe(href(route));
  });

  it("that make no sense lead to the first screen", () => {
    for (const hash of ["", "#", "#/nowhere", "#/result", "#/compare/1", "#/result/%E0%A4%A"]) expect(parse(hash)).toEqual({ screen: "verify" });
  });
});
