import { useState } from "preact/hooks";
import { saveAs } from "../artifacts";
import { asFailure, Failure, getBlob } from "../client";
import { date, language, number, t } from "../i18n";
import type { Report } from "../wire";
import { Hash, Problem } from "./basics";
import { Pair, plain } from "./findings";
import { Icon } from "./icons";

/** The report to keep, as a page, for printing, and for programs. */
export function Keep({ report }: { report: Report }) {
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const { html, pdf } = report.evidence.report;
  const name = (ending: string) => `${report.source.name.replace(/\.[^.]+$/, "").slice(0, 80) || "report"}.veriscope.${ending}`;
  const save = async (ending: string, path: string) => {
    setBusy(ending);
    setFailure(null);
    try {
      saveAs(await getBlob(`${path}${path.includes("?") ? "&" : "?"}lang=${language.get()}`), name(ending));
    } catch (reason) {
      setFailure(asFailure(reason));
    } finally {
      setBusy("");
    }
  };
  const json = () => saveAs(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" }), name("json"));
  return (
    <>
      <h2 id="keep-title">{t("keep.title")}</h2>
      <p class="muted">{t("keep.what")}</p>
      <div class="downloads">
        {html && <Download title="HTML" what={t("keep.html")} busy={busy === "html"} save={() => void save("html", html)} />}
        {pdf && <Download title="PDF" what={t("keep.pdf")} busy={busy === "pdf"} save={() => void save("pdf", pdf)} />}
        <Download title="JSON" what={t("keep.json")} busy={false} save={json} />
      </div>
      {failure && <Problem failure={failure} />}
    </>
  );
}

function Download(props: { title: string; what: string; busy: boolean; save(): void }) {
  return (
    <button type="button" class="download" onClick={props.save} disabled={props.busy}>
      <Icon name="down" />
      <span>
        <strong>{props.title}</strong>
        <span class="small muted">{props.busy ? t("keep.busy") : props.what}</span>
      </span>
    </button>
  );
}

/** Everything that shaped the result, for whoever has to repeat it. */
export function Technical({ report }: { report: Report }) {
  const times = Object.entries(report.timings).sort((a, b) => b[1] - a[1]);
  return (
    <details>
      <summary>
        <h2 id="technical-title">{t("technical.title")}</h2>
      </summary>
      <div class="technical">
        <section>
          <h3>{t("technical.record")}</h3>
          <dl class="pairs">
            <Pair name={t("technical.id")} value={report.analysisId} />
            <Pair name={t("technical.time")} value={date(report.timestamp)} />
            <Pair name={t("technical.schema")} value={report.schemaVersion} />
            <div>
              <dt>SHA-256</dt>
              <dd>
                <Hash value={report.sha256} />
              </dd>
            </div>
          </dl>
        </section>
        <List title={t("technical.thresholds")} entries={Object.entries(report.overallAssessment.thresholds)} />
        <List title={t("technical.options")} entries={Object.entries(report.options).filter(([, value]) => value !== null)} />
        <List title={t("technical.settings")} entries={Object.entries(report.settings)} />
        <List title={t("technical.networks")} entries={report.models.map((model) => [model.name, model.version])} />
        <List title={t("technical.versions")} entries={Object.entries(report.versions)} />
        <List title={t("technical.timings")} entries={times.map(([stage, ms]) => [stage, `${number(ms)} ms`])} />
      </div>
    </details>
  );
}

function List({ title, entries }: { title: string; entries: [string, unknown][] }) {
  if (!entries.length) return null;
  return (
    <section>
      <h3>{title}</h3>
      <dl class="pairs">
        {entries.map(([name, value]) => (
          <Pair key={name} name={name} value={plain(value)} code />
        ))}
      </dl>
    </section>
  );
}
