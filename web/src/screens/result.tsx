import { lazy, Suspense } from "../lazy";
import { useEffect, useState } from "preact/hooks";
import { getJson } from "../client";
import { language, t } from "../i18n";
import { items } from "../intake";
import { useLoad } from "../load";
import { Note, Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { Findings } from "../parts/findings";
import { MetadataTable } from "../parts/metadata";
import { Provenance } from "../parts/provenance";
import { Keep, Technical } from "../parts/record";
import { Verdict } from "../parts/verdict";
import { wording } from "../reading";
import { useStore } from "../store";
import type { Report } from "../wire";
import type { Look } from "../viewer/look";

const Viewer = lazy(() => import("../viewer").then((module) => module.Viewer));

export function Result({ id }: { id: string }) {
  const lang = useStore(language);
  const loaded = useLoad(`${id} ${lang}`, (signal) => getJson<Report>(`/api/v1/analyses/${encodeURIComponent(id)}?lang=${lang}`, signal));
  const [last, setLast] = useState<Report>();
  useEffect(() => {
    if (loaded.value) setLast(loaded.value);
  }, [loaded.value]);
  // What just came back with the upload is there at once; the same report in another language follows.
  const report = loaded.value ?? last ?? items.get().find((item) => item.report?.analysisId === id)?.report ?? undefined;
  if (report) return <Bench report={report} />;
  return (
    <div class="page">
      <ScreenTitle title={t("result.title")}>{t("result.title")}</ScreenTitle>
      {loaded.failure ? (
        <Problem failure={loaded.failure}>
          <button type="button" onClick={loaded.again}>
            {t("again")}
          </button>
          <a class="button" href="#/">
            {t("result.new")}
          </a>
        </Problem>
      ) : (
        <div class="bench-wait" role="status">
          <span class="hidden">{t("loading")}</span>
          <Skeleton lines={4} tall />
          <Skeleton lines={8} />
        </div>
      )}
    </div>
  );
}

function Bench({ report }: { report: Report }) {
  const [look, setLook] = useState<Look | null>(null);
  const { recommendations, notes } = wording(report.overallAssessment);
  const show = (next: Omit<Look, "turn">) => {
    setLook((now) => ({ ...next, turn: (now?.turn ?? 0) + 1 }));
    const viewer = document.getElementById("viewer");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    viewer?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  };
  // The report's own remarks repeat those on the verdict, in the language it was asked for.
  const remarks = report.language === language.get() ? [...new Set([...notes, ...report.notes])] : notes;
  return (
    <div class="page result">
      <ScreenTitle title={report.source.name}>
        <span class="eyebrow">{t("result.title")}</span>
        <span class="file-name">{report.source.name}</span>
      </ScreenTitle>
      <Verdict report={report} />
      {!report.complete && <Note tone="amber">{t("result.incomplete")}</Note>}
      {remarks.map((note) => (
        <Note key={note} tone="amber">
          {note}
        </Note>
      ))}
      <div class="bench">
        <section id="viewer" class={`bench-viewer bench-${report.mediaType}`} aria-labelledby="viewer-title">
          <h2 id="viewer-title">{t("viewer.title")}</h2>
          <Suspense fallback={<Skeleton lines={1} tall />}>
            <Viewer report={report} look={look} />
          </Suspense>
        </section>
        <section class="bench-findings" aria-labelledby="findings-title">
          <Findings report={report} show={show} />
        </section>
      </div>
      <div class="below">
        <section class="panel" aria-labelledby="next-title">
          <h2 id="next-title">{t("recommend.title")}</h2>
          {recommendations.length ? (
            <ol class="steps">
              {recommendations.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ol>
          ) : (
            <p class="muted">{t("recommend.none")}</p>
          )}
        </section>
        {report.mediaType !== "text" && (
          <section class="panel" aria-labelledby="provenance-title">
            <Provenance provenance={report.provenance} />
          </section>
        )}
        <section class="panel" aria-labelledby="keep-title">
          <Keep report={report} />
        </section>
      </div>
      {(report.mediaType !== "text" || report.metadata.length > 0) && (
        <section class="panel" aria-labelledby="metadata-title">
          <MetadataTable rows={report.metadata} />
        </section>
      )}
      <section class="panel" aria-labelledby="technical-title">
        <Technical report={report} />
      </section>
    </div>
  );
}
