import { useEffect, useMemo, useRef } from "preact/hooks";
import { Note } from "../parts/basics";
import { number, t } from "../i18n";
import { methodName } from "../reading";
import type { ViewProps } from ".";
import { pieces, reasons } from "./marks";

/** The text with the marked stretches; a number leads from each mark to the reason under it. */
export function TextView({ report, look }: ViewProps) {
  const body = useRef<HTMLDivElement>(null);
  const spans = useMemo(() => report.suspiciousSpans.filter((span) => span.unit === "characters"), [report]);
  const cut = useMemo(() => pieces(report.text ?? "", spans), [report]);
  const why = useMemo(() => reasons(spans), [report]);
  useEffect(() => {
    const first = spans.findIndex((span) => span.detector === look?.detector);
    const mark = body.current?.querySelector(`[data-mark~="${first}"]`);
    if (look && mark) mark.scrollIntoView({ block: "center" });
  }, [look]);
  if (!report.text) return <p class="muted">{t("text.gone")}</p>;
  const seen = new Set<number>();
  return (
    <div class="text-view">
      {report.textTruncated && <Note>{t("text.cut")}</Note>}
      <div class="text-body" ref={body} tabIndex={0} role="region" aria-label={t("text.label")} lang={textLanguage(report)}>
        {cut.map((piece, i) => {
          if (!piece.marks.length) return piece.text;
          const fresh = piece.marks.filter((n) => !seen.has(n));
          for (const n of fresh) seen.add(n);
          const asked = piece.marks.some((n) => spans[n]?.detector === look?.detector);
          return (
            <mark key={i} data-mark={piece.marks.join(" ")} class={asked ? "asked" : ""}>
              {fresh.length > 0 && <sup>{[...new Set(fresh.map((n) => (why.of[n] ?? 0) + 1))].join(", ")}</sup>}
              {piece.text}
            </mark>
          );
        })}
      </div>
      {spans.length > 0 ? (
        <ol class="text-reasons">
          {why.list.map((span, i) => (
            <li key={i}>
              <strong>{methodName(report, span.detector)}</strong>
              {span.note && ` · ${span.note}`}
              <span class="muted"> × {number(why.of.filter((one) => one === i).length)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p class="small muted">{t("text.nomarks")}</p>
      )}
    </div>
  );
}

/** Lets a screen reader speak the text in its own language, where a method found that out. */
function textLanguage(report: ViewProps["report"]): string | undefined {
  for (const finding of report.signalBreakdown.textAnalysis.findings) {
    const found = finding.measurements["language"];
    if (typeof found === "string" && /^[a-z]{2,3}$/.test(found)) return found;
  }
  return undefined;
}
