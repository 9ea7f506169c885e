import { mapDisagrees, methodName, said, viewName } from "../reading";
import type { Report } from "../wire";

export const groups = ["findings", "compression", "noise", "cloning", "spectrum", "metadata"] as const;
export type Group = (typeof groups)[number];

/** Something that can be laid over the picture or, when it has another shape, shown in its place. */
export interface Layer {
  id: string;
  group: Group;
  detector: string;
  title: string;
  caption: string;
  url: string;
  score: number | null;
  note: "bright_map" | "empty_map" | null;
  transparent: boolean;
}

export function layers(report: Report): Layer[] {
  const maps = report.evidence.heatmaps.flatMap((map): Layer[] => {
    if (!map.url) return [];
    const finding = report.signalBreakdown[map.signal].findings.find((f) => f.detector === map.detector);
    return [
      {
        id: map.name,
        group: "findings",
        detector: map.detector,
        title: methodName(report, map.detector),
        caption: finding ? said(finding, finding.summary) : "",
        url: map.url,
        score: map.score,
        note: mapDisagrees(map.score, map.peak),
        transparent: true,
      },
    ];
  });
  const views = report.evidence.views.flatMap((view): Layer[] =>
    view.url
      ? [
          {
            id: view.name,
            group: view.group,
            detector: view.detector ?? "",
            title: viewName(view.view),
            caption: said(view, view.caption),
            url: view.url,
            score: null,
            note: null,
            transparent: false,
          },
        ]
      : [],
  );
  return [...maps, ...views];
}

/** Groups that have something in them, in the order analysts expect. */
export function filled(all: Layer[]): Group[] {
  return groups.filter((group) => all.some((layer) => layer.group === group));
}

/** Whether a layer lies pixel on pixel over the picture: a spectrum has axes of its own. */
export function aligned(layer: Layer, natural: { width: number; height: number }, picture: { width: number; height: number }): boolean {
  if (layer.group === "spectrum" || layer.group === "metadata") return false;
  const ratio = natural.width / natural.height / (picture.width / picture.height);
  return ratio > 0.97 && ratio < 1.03;
}
