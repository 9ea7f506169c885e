/** The result of a redaction in plain words. */
import { maybe, number, t, tn } from "../i18n";
import { words } from "./choices";
import { ordinal } from "./tracks";
import type { Redaction } from "./shapes";

/** What was covered. */
export function covered({ result, kind }: Redaction): string[] {
  if (!result) return [];
  const said: string[] = [];
  // What is seen, what is heard, what is read; words in pictures are counted as places.
  const spans = Object.entries(tallied(result["spans"])).map(([kind, n]): [string, number] => [kind === "manual" ? "mark" : kind, n]);
  const counts = [...Object.entries(result.tracks), ...spans, ...Object.entries(tallied(result["found"]))].filter(([, n]) => n > 0);
  const kept = result.kept.length;
  if (counts.length) said.push(t("report.found", { list: counts.map(counted).join(", ") }));
  else said.push(t("report.found.none"));
  if (kind === "video" && result.frames) said.push(t("report.frames", { covered: number(result.frames.covered), total: number(result.frames.total) }));
  if (kept) said.push(tn("report.kept", kept));
  return said;
}

function tallied(value: unknown): Record<string, number> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}

function counted([kind, n]: [string, number]): string {
  return maybe(`count.${kind}.other`) ? tn(`count.${kind}`, n) : `${name(kind)} × ${number(n)}`;
}

/** What the second look saw in the finished file. */
export function secondLook({ result }: Redaction): { calm: boolean; said: string[] } {
  const look = result?.secondLook;
  if (!look) return { calm: false, said: [t("report.second.missing")] };
  const said = [tn("report.second.looks", look.looks)];
  const first = look.leaksInFirstRendering.length;
  if (first) said.push(tn("report.second.again", first));
  said.push(look.leaks.length ? tn("report.second.leaks", look.leaks.length) : t("report.second.nothing"));
  return { calm: look.leaks.length === 0, said };
}

/** “faces=blur,text=label” in words; of the two for text the one that such a file knows. */
export function operatorsOf({ operators, kind }: Redaction): string[] {
  const written = kind === "text" || kind === "html";
  return operators.split(",").flatMap((choice) => {
    const [target = "", operator = ""] = choice.includes("=") ? choice.split("=", 2) : ["", choice];
    if (target === "text" && (words as readonly string[]).includes(operator) !== written) return [];
    const how = maybe(`operator.${operator}`) ?? operator;
    return [target ? `${maybe(`protect.${target}`) ?? target}: ${how}` : how];
  });
}

const name = (kind: string) => maybe(`track.${kind}`) ?? kind.replace(/_/g, " ");

/** A track or a span for people: “Face 3”. */
export function nameOf(one: { id: string; kind: string; boxes?: unknown }): string {
  const kind = one.kind === "manual" && !one.boxes ? "mark" : one.kind;
  return `${name(kind)} ${ordinal(one.id) || ""}`.trim();
}
