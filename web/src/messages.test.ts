import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import messages from "./messages.json";

const table: Record<string, Record<string, string>> = messages;
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return /\.tsx?$/.test(name) && !/\.(test|d)\.ts$/.test(name) ? [readFileSync(path, "utf8")] : [];
  });
}

describe("messages", () => {
  it.each(Object.entries(table))("%s is there in both languages", (_, entry) => {
    expect(Object.keys(entry).sort()).toEqual(["en", "vi"]);
    for (const text of Object.values(entry)) expect(text.trim()).not.toBe("");
  });

  it.each(Object.entries(table))("%s fills the same values in", (_, entry) => {
    expect(holes(entry["vi"] ?? "")).toEqual(holes(entry["en"] ?? ""));
  });

  it("are all used, and all that are used exist", () => {
    const code = sources(import.meta.dirname).join("\n");
    const quoted = new Set([...code.matchAll(/\b(?:t|maybe|tn)\(\s*(?:\w+ \? )?"([\w. ]+)"(?: : "([\w. ]+)")?/g)].flatMap((m) => [m[1], m[2]]));
    const patterns = [...code.matchAll(/`([\w.]+\.)\$\{[^`]*\}([\w.]*)`/g)].map((m) => new RegExp(`^${m[1]}.+${m[2] ?? ""}$`));
    const plural = (key: string) => key.replace(/\.(one|other)$/, "");
    const unused = Object.keys(table).filter(
      (key) => !quoted.has(key) && !quoted.has(plural(key)) && !code.includes(`"${key}"`) && !patterns.some((p) => p.test(key)),
    );
    expect(unused).toEqual([]);
    const known = new Set(Object.keys(table).flatMap((key) => [key, plural(key)]));
    expect([...quoted].filter((key) => key && !known.has(key))).toEqual([]);
  });

  it("have every plural form", () => {
    const bases = Object.keys(table).filter((key) => /\.(one|other)$/.test(key));
    for (const key of bases) expect(table).toHaveProperty([key.replace(/\.(one|other)$/, ".other")]);
  });
});
