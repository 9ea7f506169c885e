import { getJson } from "../client";
import { bytes, date, fixed, language, t } from "../i18n";
import { useLoad } from "../load";
import { Hash, LabelChip, Note, Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { coverage, Picture, Ruler, size } from "../parts/verdict";
import { differences, metadataDifferences, title, wording } from "../reading";
import { href } from "../router";
import { useStore } from "../store";
import type { Finding, Report } from "../wire";

/** Two results side by side: the verdicts, then what differs most. */
export function Compare({ left, right }: { left: string; right: string }) {
  const lang = useStore(language);
  const get = (id: string) => (signal: AbortSignal) => getJson<Report>(`/api/v1/analyses/${encodeURIComponent(id)}?lang=${lang}`, signal);
  const a = useLoad(`${left} ${lang}`, get(left));
  const b = useLoad(`${right} ${lang}`, get(right));
  const failure = a.failure ?? b.failure;
  return (
    <div class="page">
      <ScreenTitle title={t("compare.title")}>{t("compare.title")}</ScreenTitle>
      <p>
        <a href="#/history">{t("compare.back")}</a>
      </p>
      {failure && (
        <Problem failure={failure}>
          <button
            type="button"
            onClick={() => {
              if (a.failure) a.again();
              if (b.failure) b.again();
            }}
          >
            {t("again")}
          </button>
        </Problem>
      )}
      {a.value && b.value ? <Both left={a.value} right={b.value} /> : !failure && <Skeleton lines={10} tall />}
    </div>
  );
}

function Both({ left, right }: { left: Report; right: Report }) {
  const rows = differences(left, right);
  const fields = metadataDifferences(left, right);
  const apart = fields.filter((field) => !field.same);
  return (
    <>
      {left.sha256 === right.sha256 && <Note>{t("compare.same")}</Note>}
      {left.mediaType !== right.mediaType && <Note>{t("compare.kinds")}</Note>}
      {left.policy !== right.policy && <Note tone="amber">{t("compare.policies")}</Note>}
      <div class="pair">
        <Side report={left} />
        <Side report={right} />
      </div>
      <section class="panel" aria-labelledby="compare-findings">
        <h2 id="compare-findings">{t("compare.findings")}</h2>
        <div class="table-box" tabIndex={0} role="group" aria-labelledby="compare-findings">
          <table>
            <thead>
              <tr>
                <th scope="col">{t("compare.method")}</th>
                <th scope="col">{left.source.name}</th>
                <th scope="col">{right.source.name}</th>
                <th scope="col" class="right">
                  {t("compare.gap")}
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.detector} class={row.gap !== null && row.gap >= 0.25 ? "odd" : ""}>
                  <th scope="row">
                    {(row.left ?? row.right) && title((row.left ?? row.right) as Finding)} <span class="small muted">{t(`signal.${row.signal}`)}</span>
                  </th>
                  {(["left", "right"] as const).map((side) => (
                    <td key={side}>
                      <Cell finding={row[side]} />
                    </td>
                  ))}
                  <td class="right figures">{row.gap === null ? "–" : fixed(row.gap, 2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <section class="panel" aria-labelledby="compare-metadata">
        <h2 id="compare-metadata">{t("compare.metadata")}</h2>
        {apart.length === 0 ? (
          <p class="muted">{fields.length ? t("compare.metadata.same") : t("metadata.empty")}</p>
        ) : (
          <div class="table-box" tabIndex={0} role="group" aria-labelledby="compare-metadata">
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("metadata.field")}</th>
                  <th scope="col">{left.source.name}</th>
                  <th scope="col">{right.source.name}</th>
                </tr>
              </thead>
              <tbody>
                {apart.map((field) => (
                  <tr key={field.key}>
                    <th scope="row">{field.key}</th>
                    <td class="value">{field.left || "–"}</td>
                    <td class="value">{field.right || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}

function Cell({ finding }: { finding: Finding | undefined }) {
  if (!finding) return <span class="muted">{t("compare.absent")}</span>;
  if (finding.score === null) return <span class="muted">{finding.reason ? t(`reason.${finding.reason}`) : t("finding.noscore")}</span>;
  return (
    <span class="mini">
      <span class="mini-bar" aria-hidden="true">
        <span style={{ width: `${finding.score * 100}%` }} />
      </span>
      <span class="figures">{fixed(finding.score, 2)}</span>
    </span>
  );
}

function Side({ report }: { report: Report }) {
  return (
    <section class="panel side" aria-label={report.source.name}>
      <div class="side-head">
        <Picture report={report} />
        <div>
          <h2>
            <a href={href({ screen: "result", id: report.analysisId })}>{report.source.name}</a>
          </h2>
          <LabelChip label={report.overallAssessment.label} />
        </div>
      </div>
      <Ruler overall={report.overallAssessment} />
      <p>{wording(report.overallAssessment).explanation}</p>
      <p class="small muted">
        {[t(`kind.${report.mediaType}`), size(report), bytes(report.source.bytes), coverage(report), t(`policy.${report.policy}`), date(report.timestamp)]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <Hash value={report.sha256} short />
    </section>
  );
}
