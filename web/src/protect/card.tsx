import { useState } from "preact/hooks";
import { asFailure, Failure } from "../client";
import { copies, copyOf } from "../copies";
import { bytes, date, duration, maybe, number, t } from "../i18n";
import { kindIcons, Meter, Problem } from "../parts/basics";
import { Icon, type IconName } from "../parts/icons";
import { href } from "../router";
import { useStore } from "../store";
import { Download } from "./download";
import { again, erase, left, running, stageOf, type Upload, withdraw } from "./queue";
import { covered } from "./report";
import type { Redaction, Status } from "./shapes";

/** A file on its way to the service. */
export function UploadCard({ upload }: { upload: Upload }) {
  const { name, kind, size, state, fraction, failure } = upload;
  return (
    <article class="card" aria-label={name}>
      <div class="card-picture">
        <Icon name={kindIcons[kind]} size={24} />
      </div>
      <div class="card-body">
        <div class="row row-spread row-top">
          <div class="card-title">
            <strong title={name}>{name}</strong>
            <span class="small muted">{[t(`kind.${kind}`), size === null ? "" : bytes(size)].filter(Boolean).join(" · ")}</span>
          </div>
          <button type="button" onClick={() => withdraw(upload.id)} aria-label={failure ? t("card.dismiss", { name }) : t("card.cancel.name", { name })}>
            {failure ? t("protect.dismiss") : t("card.cancel")}
          </button>
        </div>
        {failure ? (
          <Problem failure={failure}>
            <button type="button" onClick={() => again(upload.id)}>
              <Icon name="again" /> {t("again")}
            </button>
          </Problem>
        ) : (
          <>
            <Meter fraction={state === "queued" ? 0 : fraction < 1 ? fraction : null} label={t("progress.label", { name })} />
            <p class="small">{t(state === "queued" ? "stage.queued" : fraction < 1 ? "stage.upload" : "protect.stage.taking")}</p>
          </>
        )}
      </div>
    </article>
  );
}

/** One redaction of the list, from the queue to the safe file. */
export function RedactionCard({ redaction }: { redaction: Redaction }) {
  const { redactionId: id, name, kind, status, error } = redaction;
  const open = href({ screen: "redaction", id });
  return (
    <article class={`card card-${status}`} aria-label={name}>
      <Picture redaction={redaction} />
      <div class="card-body">
        <div class="row row-spread row-top">
          <div class="card-title">
            <strong title={name}>{name}</strong>
            <span class="small muted">{[t(`kind.${kind}`), bytes(redaction.bytes), date(redaction.created)].join(" · ")}</span>
          </div>
          <Erase redaction={redaction} />
        </div>
        {running(status) ? (
          <Under redaction={redaction} />
        ) : (
          <p>
            <StatusChip status={status} />
          </p>
        )}
        {status === "waiting_review" && (
          <div class="row row-spread card-outcome">
            <p class="card-words">{t("protect.review.ready")}</p>
            <a class="button primary" href={open} aria-label={t("protect.check.name", { name })}>
              {t("protect.check")}
            </a>
          </div>
        )}
        {status === "completed" && (
          <div class="row row-spread card-outcome">
            <p class="card-words">{covered(redaction).join(" ")}</p>
            <div class="row">
              <a class="button" href={open} aria-label={t("card.open.name", { name })}>
                {t("card.open")}
              </a>
              <Download redaction={redaction} />
            </div>
          </div>
        )}
        {status === "failed" && error && <Problem failure={new Failure(error.code, error.message, error.hint ?? "")} />}
      </div>
    </article>
  );
}

function Picture({ redaction }: { redaction: Redaction }) {
  useStore(copies);
  const own = redaction.kind === "image" ? copyOf(redaction.sha256)?.url : undefined;
  const [broken, setBroken] = useState(false); // a format that this browser cannot show
  return (
    <div class="card-picture">
      {own && !broken ? <img src={own} alt="" onError={() => setBroken(true)} /> : <Icon name={kindIcons[redaction.kind]} size={24} />}
    </div>
  );
}

export function Under({ redaction }: { redaction: Redaction }) {
  const seconds = useStore(left).get(redaction.redactionId);
  return (
    <>
      <Meter fraction={redaction.fraction} label={t("progress.label", { name: redaction.name })} />
      <p class="row row-spread small card-stage">
        <span>{redaction.status === "waiting" ? t("stage.waiting") : (maybe(`stage.${stageOf(redaction)}`) ?? t("progress.open"))}</span>
        <span class="figures">
          <span>{number(redaction.fraction * 100)} %</span>
          {seconds !== undefined && <span>{t("progress.left", { time: duration(seconds) })}</span>}
        </span>
      </p>
    </>
  );
}

const looksOf: Record<Status, { tone: string; icon: IconName }> = {
  waiting: { tone: "open", icon: "wave" },
  active: { tone: "open", icon: "wave" },
  waiting_review: { tone: "amber", icon: "eye" },
  completed: { tone: "calm", icon: "shield" },
  failed: { tone: "violet", icon: "triangle" },
  cancelled: { tone: "open", icon: "close" },
};

export function StatusChip({ status, large = false }: { status: Status; large?: boolean }) {
  const { tone, icon } = looksOf[status];
  return (
    <span class={`chip tone-${tone}${large ? " chip-large" : ""}`}>
      <Icon name={icon} size={large ? 20 : 14} />
      {t(`protect.status.${status}`)}
    </span>
  );
}

/** Cancel while it runs; afterwards delete, which asks once more. */
export function Erase({ redaction, then }: { redaction: Redaction; then?: () => void }) {
  const [sure, setSure] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const { name, status } = redaction;
  const runs = running(status);
  const press = () => {
    if (!runs && !sure) return setSure(true);
    erase(redaction.redactionId).then(then, (reason: unknown) => setFailure(asFailure(reason)));
  };
  if (failure) return <Problem failure={failure} />;
  return (
    <button type="button" class={sure ? "sure" : ""} onClick={press} onBlur={() => setSure(false)} aria-label={runs ? t("card.cancel.name", { name }) : t(sure ? "protect.delete.sure.name" : "protect.delete.name", { name })}>
      {runs ? t("card.cancel") : sure ? t("protect.delete.sure") : t("protect.delete")}
    </button>
  );
}
