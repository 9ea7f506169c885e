/** How a report is read: pure functions from the public report to what the screens show. */
import { language, maybe } from "./i18n";
import type { Assessment, Finding, Label, Report, SignalName } from "./wire";

export const signals: readonly SignalName[] = [
  "visualSpatial",
  "frequency",
  "noise",
  "temporalAnalysis",
  "audio",
  "audioVisual",
  "metadataForensics",
  "provenance",
  "textAnalysis",
];

export function findings(report: Report): Finding[] {
  return signals.flatMap((name) => report.signalBreakdown[name].findings);
}

/** What a silent method still tells: a fault must be seen, a measurement may interest, the rest is why not. */
const order = (finding: Finding) => (finding.reason === "failed" ? 0 : finding.reason === "model_missing" ? 1 : finding.reason === "uncalibrated" ? 2 : 3);

/** Findings that scored, heaviest first, then those that abstained, failures first. */
export function sorted(report: Report): { scored: Finding[]; silent: Finding[] } {
  const all = findings(report);
  const scored = all
    .filter((finding) => finding.score !== null)
    .sort((a, b) => b.weight - a.weight || (b.score ?? 0) - (a.score ?? 0) || a.detector.localeCompare(b.detector));
  const silent = all
    .filter((finding) => finding.score === null)
    .sort((a, b) => order(a) - order(b) || a.detector.localeCompare(b.detector));
  return { scored, silent };
}

/** A grade in words for a score, so that no number has to carry the meaning alone. Half is what nobody knows anything about. */
export type Grade = "low" | "middle" | "raised" | "high";

export function grade(score: number): Grade {
  if (score >= 0.9) return "high";
  if (score >= 0.65) return "raised";
  return score >= 0.2 ? "middle" : "low";
}

export const tones: Record<Label, "calm" | "open" | "amber" | "violet"> = {
  "Likely Authentic": "calm",
  Inconclusive: "open",
  Suspicious: "amber",
  "Likely Manipulated": "violet",
};

/** The method's name for people. */
export function title(finding: Finding): string {
  return finding.titles[language.get()] || finding.title || plainName(finding.detector);
}

/** The same from the bare name, as regions, spans and lanes carry it. */
export function methodName(report: Report, detector: string): string {
  const finding = findings(report).find((one) => one.detector === detector);
  return finding ? title(finding) : plainName(detector);
}

export function viewName(view: string): string {
  return maybe(`view.${view}`) ?? plainName(view);
}

function plainName(name: string): string {
  const words = name.replace(/_/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface Translated {
  translations: Record<string, string>;
}

/** The sentence in the language of the page, else as it was sent. */
export function said(item: Translated, fallback: string): string {
  return item.translations[language.get()] || fallback;
}

export function wording(assessment: Assessment): Pick<Assessment, "explanation" | "recommendations" | "notes"> {
  return assessment.translations[language.get()] ?? assessment;
}

/** A zone of the risk ruler: where one label ends and the next begins, 0–100. */
export interface Zone {
  from: number;
  to: number;
  label: Label;
}

export function zones(thresholds: Record<string, number>): Zone[] {
  const { authentic, suspicious, manipulated } = thresholds;
  if (authentic === undefined || suspicious === undefined || manipulated === undefined) return [];
  const all: Zone[] = [
    { from: 0, to: authentic, label: "Likely Authentic" },
    { from: authentic, to: suspicious, label: "Inconclusive" },
    { from: suspicious, to: manipulated, label: "Suspicious" },
    { from: manipulated, to: 100, label: "Likely Manipulated" },
  ];
  return all.filter((zone) => zone.to > zone.from);
}

/**
 * Whether a method's map and its score say different things: strong marks with a low score, or a high score with an
 * empty map. The reader must be told, because the eye believes the map.
 */
export function mapDisagrees(score: number | null, peak: number): "bright_map" | "empty_map" | null {
  if (score === null) return null;
  if (score < 0.3 && peak > 0.8) return "bright_map";
  return score > 0.7 && peak < 0.2 ? "empty_map" : null;
}

export interface Difference {
  detector: string;
  signal: SignalName;
  left: Finding | undefined;
  right: Finding | undefined;
  gap: number | null;
}

/** The methods of two reports side by side, the widest gaps first, those that only one of them scored last. */
export function differences(left: Report, right: Report): Difference[] {
  const table = new Map<string, Difference>();
  for (const [side, report] of [["left", left], ["right", right]] as const) {
    for (const finding of findings(report)) {
      const row = table.get(finding.detector) ?? { detector: finding.detector, signal: finding.signal, left: undefined, right: undefined, gap: null };
      row[side] = finding;
      table.set(finding.detector, row);
    }
  }
  for (const row of table.values()) {
    const [a, b] = [row.left?.score, row.right?.score];
    row.gap = typeof a === "number" && typeof b === "number" ? Math.abs(a - b) : null;
  }
  const any = (row: Difference) => Number(typeof (row.left?.score ?? row.right?.score) === "number");
  return [...table.values()].sort((a, b) => (b.gap ?? -1) - (a.gap ?? -1) || any(b) - any(a) || a.detector.localeCompare(b.detector));
}

/** Metadata of two reports by field, with the values that differ first. */
export function metadataDifferences(left: Report, right: Report): { key: string; left: string; right: string; same: boolean }[] {
  const table = new Map<string, { left: string; right: string }>();
  for (const [side, report] of [["left", left], ["right", right]] as const) {
    for (const row of report.metadata) {
      const key = `${row.group} · ${row.name}`;
      const entry = table.get(key) ?? { left: "", right: "" };
      entry[side] = row.value;
      table.set(key, entry);
    }
  }
  return [...table]
    .map(([key, row]) => ({ key, ...row, same: row.left === row.right }))
    .sort((a, b) => Number(a.same) - Number(b.same) || a.key.localeCompare(b.key));
}
