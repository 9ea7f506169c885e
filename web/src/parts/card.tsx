import { useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { bytes, duration, maybe, number, t } from "../i18n";
import { again, cancel, dismiss, type Item } from "../intake";
import { wording } from "../reading";
import { href } from "../router";
import { kindIcons, LabelChip, Meter, Problem } from "./basics";
import { Icon } from "./icons";

/** One thing handed in, from waiting to verdict. */
export function Card({ item }: { item: Item }) {
  const going = item.state === "queued" || item.state === "sending" || item.state === "working";
  return (
    <article class={`card card-${item.state}`} aria-label={item.name}>
      <Picture item={item} />
      <div class="card-body">
        <div class="row row-spread row-top">
          <div class="card-title">
            <strong title={item.name}>{item.name}</strong>
            <span class="small muted">
              {[t(`kind.${item.kind}`), item.size === null ? "" : bytes(item.size), t(`policy.${item.choices.policy}`)].filter(Boolean).join(" · ")}
            </span>
          </div>
          {going ? (
            <button type="button" onClick={() => void cancel(item.id)} aria-label={t("card.cancel.name", { name: item.name })}>
              {t("card.cancel")}
            </button>
          ) : (
            <button
              type="button"
              class="quiet icon-button"
              onClick={() => dismiss(item.id)}
              aria-label={t("card.dismiss", { name: item.name })}
              title={t("card.dismiss", { name: item.name })}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
        {going && <Under item={item} />}
        {item.state === "done" && item.report && <Done item={item} />}
        {item.state === "cancelled" && (
          <p class="row">
            <span class="muted">{t("card.cancelled")}</span> {item.input && <Retry item={item} />}
          </p>
        )}
        {item.failure && <Problem failure={item.failure}>{item.input && <Retry item={item} />}</Problem>}
      </div>
    </article>
  );
}

function Picture({ item }: { item: Item }) {
  const worst = item.report?.evidence.thumbnails.find((thumb) => thumb.rank === 1);
  const kept = useArtifact(item.picture ? null : (worst?.url ?? item.report?.evidence.preview?.url));
  const [broken, setBroken] = useState(false); // a format that this browser cannot show
  const url = item.picture && !broken ? item.picture : kept.url;
  return <div class="card-picture">{url ? <img src={url} alt="" onError={() => setBroken(true)} /> : <Icon name={kindIcons[item.kind]} size={24} />}</div>;
}

function Under({ item }: { item: Item }) {
  const stage = maybe(`stage.${item.stage}`) ?? item.stage;
  return (
    <>
      <Meter fraction={item.state === "queued" ? 0 : item.fraction} label={t("progress.label", { name: item.name })} />
      <p class="row row-spread small card-stage">
        <span>{stage}</span>
        <span class="figures">
          {item.fraction !== null && item.state !== "queued" && <span>{number(item.fraction * 100)} %</span>}
          {item.left !== null && <span>{t("progress.left", { time: duration(item.left) })}</span>}
        </span>
      </p>
    </>
  );
}

function Done({ item }: { item: Item }) {
  const report = item.report;
  if (!report) return null;
  const { label, riskScore } = report.overallAssessment;
  return (
    <>
      <p class="row">
        <LabelChip label={label} />
        {riskScore !== null && <span class="small figures">{t("card.risk", { risk: number(riskScore) })}</span>}
      </p>
      <div class="row row-spread card-outcome">
        <p class="card-words">{wording(report.overallAssessment).explanation}</p>
        <a class="button primary" href={href({ screen: "result", id: report.analysisId })} aria-label={t("card.open.name", { name: item.name })}>
          {t("card.open")}
        </a>
      </div>
    </>
  );
}

function Retry({ item }: { item: Item }) {
  return (
    <button type="button" onClick={() => again(item.id)}>
      <Icon name="again" /> {t("card.again")}
    </button>
  );
}
