import { useEffect, useState } from "preact/hooks";
import { asFailure, type Failure } from "../client";
import { t } from "../i18n";
import type { Input } from "../intake";
import { useLoad } from "../load";
import { Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { Intake, kept, Privacy } from "../parts/drop";
import { RedactionCard, UploadCard } from "../protect/card";
import { type Choices, usual } from "../protect/choices";
import { Choose } from "../protect/choose";
import { add, load, redactions, running, uploads } from "../protect/queue";
import { settings } from "../settings";
import { useStore } from "../store";
import "../styles/protect.css";

// Kept while the page is open: whoever comes back from a plan finds the choices as they were.
let remembered: Choices = usual;

/** Hand files in, see how far they are, and find what was made of earlier ones. */
export function Protect() {
  const known = useLoad("settings", settings);
  const [choices, setChoices] = useState<Choices>(remembered);
  const hand = (inputs: Input[]) => inputs.length && add(inputs, choices);
  return (
    <div class="page verify">
      <ScreenTitle title={t("nav.protect")}>{t("protect.title")}</ScreenTitle>
      <p class="lead">{t("protect.lead")}</p>
      <div class="verify-grid">
        <div>
          <Intake
            hand={hand}
            links={known.value?.limits.fetchUrls !== false}
            words={{ now: t("protect.drop"), kinds: t("protect.drop.kinds"), send: t("protect.send") }}
          />
          <Privacy>
            {t("protect.privacy")} {known.value && t("protect.privacy.kept", { time: kept(known.value.keepResultsHours) })}
          </Privacy>
        </div>
        <Choose
          choices={choices}
          choose={(part) => {
            remembered = { ...choices, ...part };
            setChoices(remembered);
          }}
        />
      </div>
      <Kept />
    </div>
  );
}

function Kept() {
  const sent = useStore(uploads);
  const all = useStore(redactions);
  const [more, setMore] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const ask = (older: boolean) =>
    load(older).then(
      (rest) => {
        setMore(rest);
        setFailure(null);
      },
      (reason: unknown) => setFailure(asFailure(reason)),
    );
  useEffect(() => void ask(false), []);
  const open = all?.filter((one) => running(one.status) || one.status === "waiting_review") ?? [];
  const over = all?.filter((one) => !open.includes(one)) ?? [];
  return (
    <>
      {(sent.length > 0 || open.length > 0) && (
        <section aria-labelledby="open-title" class="queue">
          <h2 id="open-title">{t("protect.open")}</h2>
          <ul class="cards">
            {sent.map((one) => (
              <li key={one.id}>
                <UploadCard upload={one} />
              </li>
            ))}
            {open.map((one) => (
              <li key={one.redactionId}>
                <RedactionCard redaction={one} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {failure && (
        <Problem failure={failure}>
          <button type="button" onClick={() => void ask(false)}>
            {t("again")}
          </button>
        </Problem>
      )}
      {all === undefined && !failure && <Skeleton lines={3} />}
      {over.length > 0 && (
        <section aria-labelledby="over-title" class="queue">
          <h2 id="over-title">{t("protect.past")}</h2>
          <ul class="cards">
            {over.map((one) => (
              <li key={one.redactionId}>
                <RedactionCard redaction={one} />
              </li>
            ))}
          </ul>
          {more && (
            <button type="button" class="older" onClick={() => void ask(true)}>
              {t("protect.older")}
            </button>
          )}
        </section>
      )}
      {all?.length === 0 && sent.length === 0 && <Teach />}
    </>
  );
}

function Teach() {
  return (
    <section class="teach" aria-label={t("teach.title")}>
      {(["how", "proof", "limits"] as const).map((name) => (
        <div key={name}>
          <h2>{t(`protect.teach.${name}`)}</h2>
          <p>{t(`protect.teach.${name}.text`)}</p>
        </div>
      ))}
    </section>
  );
}
