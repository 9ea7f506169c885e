import { copyOf, copies } from "../copies";
import { useArtifact } from "../artifacts";
import { bytes, clock, date, fixed, number, percent, t, tn } from "../i18n";
import { tones, wording, zones } from "../reading";
import { useStore } from "../store";
import type { Assessment, Report } from "../wire";
import { Hash, kindIcons, LabelChip } from "./basics";
import { Icon } from "./icons";

/** What it is, what the verdict is, and how far it can be relied on. */
export function Verdict({ report }: { report: Report }) {
  const overall = report.overallAssessment;
  return (
    <section class="verdict" aria-label={t("verdict.title")}>
      <div class="verdict-file">
        <Picture report={report} />
        <dl class="facts">
          <Fact name={t("fact.kind")}>
            {[t(`kind.${report.mediaType}`), report.source.format.toUpperCase(), size(report), bytes(report.source.bytes)].filter(Boolean).join(" · ")}
          </Fact>
          <Fact name={t("fact.coverage")}>{coverage(report)}</Fact>
          {report.avSync && (
            <Fact name={t("fact.sync")}>
              {t("fact.sync.value", { ms: number(report.avSync.offsetMs), confidence: fixed(report.avSync.confidence, 2) })}
            </Fact>
          )}
          <Fact name={t("fact.policy")}>
            {t(`policy.${report.policy}`)} · {date(report.timestamp)}
          </Fact>
          <Fact name="SHA-256">
            <Hash value={report.sha256} short />
          </Fact>
        </dl>
      </div>
      <div class="verdict-words">
        <div class="row">
          <LabelChip label={overall.label} large />
          <span class="muted">{t("verdict.confidence", { level: t(`confidence.${overall.confidence}`) })}</span>
        </div>
        <p class="explanation">{wording(overall).explanation}</p>
        <Ruler overall={overall} />
        <p class="small muted">{alarms(overall)}</p>
      </div>
    </section>
  );
}

/** How often the label is wrong on genuine media; below "Suspicious" nothing is flagged, so the rate is that of the threshold. */
function alarms({ falseAlarmRate, label }: Assessment): string {
  if (falseAlarmRate === null) return t("verdict.alarms.unknown");
  const flagged = label === "Suspicious" || label === "Likely Manipulated";
  return t(flagged ? "verdict.alarms" : "verdict.alarms.threshold", { rate: percent(falseAlarmRate) });
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Picture({ report }: { report: Report }) {
  useStore(copies);
  const copy = copyOf(report.sha256);
  const own = report.mediaType === "image" && copy ? copy.url : undefined;
  const worst = [...report.evidence.thumbnails].sort((a, b) => a.rank - b.rank)[0];
  const kept = useArtifact(own ? null : (worst?.url ?? report.evidence.preview?.url));
  const url = own ?? kept.url;
  return <div class="verdict-picture">{url ? <img src={url} alt="" /> : <Icon name={kindIcons[report.mediaType]} size={32} />}</div>;
}

export function size(report: Report): string {
  const { width, height } = report.source;
  return width && height ? `${number(width)} × ${number(height)} px` : "";
}

export function coverage(report: Report): string {
  const { analysed, total, unit, frames, rate, faces } = report.coverage;
  const amount =
    unit === "seconds"
      ? t("coverage.seconds", { analysed: clock(analysed), total: clock(total) })
      : t(`coverage.${unit}`, { analysed: number(analysed), total: number(total) });
  const parts = [amount];
  if (total > 0 && analysed < total * 0.995) parts[0] += ` (${percent(analysed / total)})`;
  if (typeof frames === "number" && typeof rate === "number") parts.push(tn("coverage.frames", frames, { rate: fixed(rate, rate % 1 ? 1 : 0) }));
  if (typeof faces === "number") parts.push(tn("coverage.faces", faces));
  return parts.join(" · ");
}

/** Risk on a ruler: the zones of the labels, the interval as a band, the figure as a mark. */
export function Ruler({ overall }: { overall: Assessment }) {
  const { riskScore, interval } = overall;
  if (riskScore === null) return <p class="muted">{t("risk.none")}</p>;
  const words = interval
    ? t("risk.interval", { risk: number(riskScore), low: number(interval.low), high: number(interval.high) })
    : t("risk.alone", { risk: number(riskScore) });
  return (
    <figure class={`ruler tone-${tones[overall.label]}`}>
      <figcaption>
        <span class="ruler-figure">{number(riskScore)}</span>
        <span>
          <span class="ruler-of">{t("risk.of")}</span>
          {interval && <span class="small muted">{t("risk.band", { low: number(interval.low), high: number(interval.high) })}</span>}
        </span>
      </figcaption>
      <div class="ruler-track" role="img" aria-label={words}>
        {zones(overall.thresholds).map((zone) => (
          <span key={zone.label} class={`ruler-zone zone-${tones[zone.label]}`} style={{ left: `${zone.from}%`, width: `${zone.to - zone.from}%` }} />
        ))}
        {interval && <span class="ruler-band" style={{ left: `${interval.low}%`, width: `${Math.max(0.6, interval.high - interval.low)}%` }} />}
        <span class="ruler-mark" style={{ left: `${riskScore}%` }} />
      </div>
      <div class="ruler-scale" aria-hidden="true">
        {zones(overall.thresholds).map((zone) => (
          <span key={zone.label} style={{ left: `${zone.from}%`, width: `${zone.to - zone.from}%` }} class={zone.label === overall.label ? "here" : ""}>
            <span class="ruler-number">{number(zone.from)}</span>
            <span class="ruler-name">{t(`label.${zone.label}`)}</span>
          </span>
        ))}
      </div>
    </figure>
  );
}
