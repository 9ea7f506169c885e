import { getJson, Failure } from "../client";
import { maybe, t } from "../i18n";
import { useLoad } from "../load";
import { Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { Erase, StatusChip, Under } from "../protect/card";
import { Editor } from "../protect/editor";
import { read, redactions, running, stageOf } from "../protect/queue";
import { Result } from "../protect/result";
import type { Plan, Redaction } from "../protect/shapes";
import { go, href } from "../router";
import { useStore } from "../store";
import "../styles/viewer.css";
import "../styles/protect.css";

/** One redaction, from the first look to the safe file. */
export function Redacting({ id }: { id: string }) {
  const loaded = useLoad(id, () => read(id));
  const redaction = useStore(redactions)?.find((one) => one.redactionId === id) ?? loaded.value;
  if (redaction) return <Bench redaction={redaction} />;
  return (
    <div class="page">
      <ScreenTitle title={t("nav.protect")}>{t("nav.protect")}</ScreenTitle>
      {loaded.failure ? (
        <Problem failure={loaded.failure}>
          <button type="button" onClick={loaded.again}>
            {t("again")}
          </button>
          <a class="button" href={href({ screen: "protect" })}>
            {t("protect.another")}
          </a>
        </Problem>
      ) : (
        <Skeleton lines={6} tall />
      )}
    </div>
  );
}

function Bench({ redaction }: { redaction: Redaction }) {
  const { status, error, name } = redaction;
  return (
    <div class="page redaction">
      <ScreenTitle title={name}>
        <span class="eyebrow">{t("nav.protect")}</span>
        <span class="file-name">{name}</span>
      </ScreenTitle>
      <div class="row row-spread redaction-head">
        <StatusChip status={status} large />
        <Erase redaction={redaction} then={() => go({ screen: "protect" })} />
      </div>
      <Steps redaction={redaction} />
      <p class="hidden" role="status">
        {t(`protect.status.${status}`)}
      </p>
      {running(status) && (
        <section class="panel" aria-label={t("progress.label", { name })}>
          <Under redaction={redaction} />
          <p class="small muted">{maybe(`protect.stage.${stageOf(redaction)}`) ?? t("protect.stage.wait")}</p>
        </section>
      )}
      {status === "waiting_review" && <Review redaction={redaction} />}
      {status === "completed" && <Result redaction={redaction} />}
      {status === "failed" && (
        <Problem failure={new Failure(error?.code ?? "internal", error?.message ?? t("error.job"), error?.hint || t("protect.failed.hint"))}>
          <a class="button" href={href({ screen: "protect" })}>
            {t("protect.another")}
          </a>
        </Problem>
      )}
      {status === "cancelled" && <p class="muted">{t("card.cancelled")}</p>}
    </div>
  );
}

const steps = ["look", "review", "render", "verify"] as const;

/** The way a file goes, and how far it has come. */
function Steps({ redaction }: { redaction: Redaction }) {
  const { status, review, links } = redaction;
  if (status === "failed" || status === "cancelled") return null;
  const shown = steps.filter((step) => step !== "review" || review);
  const approved = review && links["plan"] ? "render" : "look"; // where it goes on once it is its turn
  const at = status === "waiting_review" ? "review" : stageOf(redaction) || approved;
  const here = status === "completed" ? shown.length : Math.max(0, shown.findIndex((step) => step === at));
  return (
    <ol class="stages" aria-label={t("protect.steps")}>
      {shown.map((step, i) => (
        <li key={step} class={i < here ? "stage-done" : i === here ? "stage-here" : ""} aria-current={i === here ? "step" : undefined}>
          {t(`protect.step.${step}`)}
        </li>
      ))}
    </ol>
  );
}

function Review({ redaction }: { redaction: Redaction }) {
  const path = redaction.links.plan ?? `/api/v1/redactions/${encodeURIComponent(redaction.redactionId)}/plan`;
  const plan = useLoad(path, (signal) => getJson<Plan>(path, signal));
  if (plan.failure)
    return (
      <Problem failure={plan.failure}>
        <button type="button" onClick={plan.again}>
          {t("again")}
        </button>
      </Problem>
    );
  return plan.value ? <Editor redaction={redaction} plan={plan.value} /> : <Skeleton lines={4} tall />;
}
