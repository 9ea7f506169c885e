import { useEffect, useRef, useState } from "preact/hooks";
import { t, tn } from "../i18n";
import { add, type Choices, type Input, items } from "../intake";
import { useLoad } from "../load";
import { ScreenTitle } from "../parts/basics";
import { Card } from "../parts/card";
import { Intake, kept, Privacy } from "../parts/drop";
import { settings } from "../settings";
import { useStore } from "../store";
import type { Policy } from "../wire";

const policies: readonly Policy[] = ["quick", "standard", "thorough", "auto"];

export function Verify() {
  const all = useStore(items);
  const known = useLoad("settings", settings);
  const [choices, setChoices] = useState<Choices>({ policy: "standard", caption: "", start: "", end: "", rate: "" });
  const touched = useRef(false);
  useEffect(() => {
    const usual = known.value?.policy;
    if (!touched.current && usual) setChoices((now) => ({ ...now, policy: usual }));
  }, [known.value]);
  const hand = (inputs: Input[]) => inputs.length && add(inputs, choices);
  return (
    <div class="page verify">
      <ScreenTitle title={t("nav.verify")}>{t("verify.title")}</ScreenTitle>
      <p class="lead">{t("verify.lead")}</p>
      <div class="verify-grid">
        <div>
          <Intake hand={hand} links={known.value?.limits.fetchUrls !== false} words={{ now: t("drop.now"), kinds: t("drop.kinds"), send: t("typed.send") }} />
          <Privacy>
            {t("privacy.original")}{" "}
            {known.value && t("privacy.kept", { artifacts: kept(known.value.keepArtifactsHours), results: kept(known.value.keepResultsHours) })}
          </Privacy>
        </div>
        <Choose
          choices={choices}
          choose={(part) => {
            touched.current = true;
            setChoices({ ...choices, ...part });
          }}
        />
      </div>
      <section aria-labelledby="queue-title" class="queue">
        <h2 id="queue-title" class={all.length ? "" : "hidden"}>
          {t("queue.title")}
        </h2>
        <ul class="cards">
          {all.map((item) => (
            <li key={item.id}>
              <Card item={item} />
            </li>
          ))}
        </ul>
        <p class="hidden" role="status">
          {spoken(all)}
        </p>
      </section>
      {all.length === 0 && <Teach />}
    </div>
  );
}

function spoken(all: readonly { state: string }[]): string {
  const done = all.filter((item) => item.state === "done").length;
  const failed = all.filter((item) => item.state === "failed").length;
  if (!all.length) return "";
  return [tn("queue.done", done), failed ? tn("queue.failed", failed) : ""].filter(Boolean).join(" ");
}

function Choose({ choices, choose }: { choices: Choices; choose(part: Partial<Choices>): void }) {
  return (
    <aside class="choices" aria-label={t("choices.title")}>
      <fieldset>
        <legend>{t("choices.policy")}</legend>
        {policies.map((policy) => (
          <label key={policy} class="choice">
            <input type="radio" name="policy" value={policy} checked={choices.policy === policy} onChange={() => choose({ policy })} />
            <span>
              <strong>{t(`policy.${policy}`)}</strong>
              <span class="small muted">{t(`policy.${policy}.what`)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <details>
        <summary>{t("choices.more")}</summary>
        <label class="field">
          <span>{t("choices.caption")}</span>
          <textarea rows={2} value={choices.caption} onInput={(event) => choose({ caption: event.currentTarget.value })} />
          <span class="small muted">{t("choices.caption.what")}</span>
        </label>
        <div class="field-row">
          {(["start", "end", "rate"] as const).map((name) => (
            <label key={name} class="field">
              <span>{t(`choices.${name}`)}</span>
              <input inputMode="decimal" value={choices[name]} onInput={(event) => choose({ [name]: event.currentTarget.value })} />
            </label>
          ))}
        </div>
        <p class="small muted">{t("choices.range.what")}</p>
      </details>
    </aside>
  );
}

function Teach() {
  return (
    <section class="teach" aria-label={t("teach.title")}>
      {(["finds", "cannot", "best"] as const).map((name) => (
        <div key={name}>
          <h2>{t(`teach.${name}`)}</h2>
          <p>{t(`teach.${name}.text`)}</p>
        </div>
      ))}
    </section>
  );
}
