import { fixed, number, percent, t, tn } from "../i18n";
import { mapDisagrees, said, sorted, title } from "../reading";
import { lookAt, type Look } from "../viewer/look";
import type { Finding, Report } from "../wire";
import { Score } from "./basics";
import { Icon } from "./icons";

type Show = (look: Omit<Look, "turn">) => void;

/** Every method, heaviest first; those without a score say why. */
export function Findings({ report, show }: { report: Report; show: Show }) {
  const { scored, silent } = sorted(report);
  const peaks = new Map(report.evidence.heatmaps.map((map) => [map.detector, map.peak]));
  const decided = new Set(report.overallAssessment.decidedBy);
  return (
    <>
      <div class="row row-spread">
        <h2 id="findings-title">{t("findings.title")}</h2>
        <span class="small muted">{t("findings.order")}</span>
      </div>
      {scored.length === 0 && <p class="muted">{t("findings.none")}</p>}
      <ol class="findings">
        {scored.map((finding) => (
          <li key={finding.detector}>
            <Row finding={finding} show={show} peak={peaks.get(finding.detector)} decided={decided.has(finding.detector)} />
          </li>
        ))}
      </ol>
      {silent.length > 0 && (
        <details class="silent" open={scored.length === 0 || silent.some(remarkable)}>
          <summary>{tn("findings.silent", silent.length)}</summary>
          <ul class="findings">
            {silent.map((finding) => (
              <li key={finding.detector}>
                <Row finding={finding} show={show} peak={peaks.get(finding.detector)} decided={false} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Without a score, but with something to look at, or something that went wrong. */
function remarkable(finding: Finding): boolean {
  return finding.reason === "failed" || finding.regions.length > 0 || finding.spans.length > 0;
}

/** Reasons that the sentence of the method gives in nearly the same words. */
const told = new Set<Finding["reason"]>(["no_audio", "no_credentials", "no_face", "no_metadata", "no_speech", "no_thumbnail"]);

interface RowProps {
  finding: Finding;
  show: Show;
  peak: number | undefined;
  decided: boolean;
}

function Row({ finding, show, peak, decided }: RowProps) {
  const look = lookAt(finding, peak ?? 0);
  const name = title(finding);
  const clash = peak === undefined ? null : mapDisagrees(finding.score, peak);
  return (
    <article class="finding" aria-label={name}>
      <header class="row row-spread row-top">
        <div>
          <h3>{name}</h3>
          <p class="small muted">
            {t(`signal.${finding.signal}`)}
            {finding.score === null && !told.has(finding.reason) && (
              <>
                {" · "}
                <Reason finding={finding} />
              </>
            )}
            {finding.score !== null && ` · ${t("finding.weight", { weight: percent(finding.weight) })}`}
            {decided && ` · ${t("finding.decided")}`}
          </p>
        </div>
        {look && (
          <button type="button" class="small-button" onClick={() => show(look)} aria-label={t("finding.show.name", { name })}>
            <Icon name="eye" size={14} /> {t("finding.show")}
          </button>
        )}
      </header>
      {finding.score !== null && <Score score={finding.score} label={t("finding.score")} />}
      <p class="finding-words">{said(finding, finding.summary)}</p>
      {clash && (
        <p class="clash">
          <Icon name="triangle" size={14} /> {t(`clash.${clash}`)}
        </p>
      )}
      <Method finding={finding} />
    </article>
  );
}

function Reason({ finding }: { finding: Finding }) {
  const failed = finding.reason === "failed" || finding.reason === "model_missing";
  return (
    <span class={failed ? "reason reason-failed" : "reason"}>
      {failed && <Icon name="triangle" size={14} />} {finding.reason ? t(`reason.${finding.reason}`) : t("finding.noscore")}{" "}
      {finding.error && <code>{finding.error}</code>}
    </span>
  );
}

function Method({ finding }: { finding: Finding }) {
  const { value, basis } = finding.reliability;
  return (
    <details class="method">
      <summary>
        {t("finding.method")}
        {finding.score !== null && (
          <span class="small muted"> · {basis ? t("finding.reliability", { value: fixed(value, 2) }) : t("finding.unmeasured")}</span>
        )}
      </summary>
      <dl class="pairs">
        {basis && <Pair name={t("finding.basis")} value={basis} />}
        {finding.raw !== null && <Pair name={t("finding.raw")} value={number(finding.raw, 4)} />}
        {finding.reference && <Pair name={t("finding.reference")} value={finding.reference} />}
        <Pair name={t("finding.version")} value={`${finding.detector} ${finding.version}${versions(finding.libraries)}`} />
        {Object.entries(finding.measurements).map(([key, shown]) => (
          <Pair key={key} name={key} value={plain(shown)} code />
        ))}
        {Object.entries(finding.parameters).map(([key, shown]) => (
          <Pair key={key} name={key} value={plain(shown)} code />
        ))}
      </dl>
    </details>
  );
}

function versions(libraries: Record<string, string>): string {
  const list = Object.entries(libraries).map(([name, version]) => `${name} ${version}`);
  return list.length ? ` (${list.join(", ")})` : "";
}

export function Pair({ name, value, code = false }: { name: string; value: string; code?: boolean }) {
  return (
    <div>
      <dt>{code ? <code>{name}</code> : name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** A value as text, cut where a reader stops. */
export function plain(value: unknown): string {
  if (typeof value === "number") return number(value, 4);
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length > 12 ? `${value.slice(0, 12).map(plain).join(", ")} … (${value.length})` : value.map(plain).join(", ");
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 400 ? `${text.slice(0, 399)}…` : text;
}
