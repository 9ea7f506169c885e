import { useEffect, useRef, useState } from "preact/hooks";
import { duration, t, tn } from "../i18n";
import { add, type Choices, classify, type Input, items } from "../intake";
import { useLoad } from "../load";
import { ScreenTitle } from "../parts/basics";
import { Icon } from "../parts/icons";
import { Card } from "../parts/card";
import { settings } from "../settings";
import { useStore } from "../store";
import type { Policy, SettingsView } from "../wire";

const policies: readonly Policy[] = ["quick", "standard", "thorough"];

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
          <Intake hand={hand} links={known.value?.limits.fetchUrls !== false} />
          <Privacy known={known.value} />
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

/** One place for everything: files dropped, chosen or pasted, and a line for a link or a text. */
function Intake({ hand, links }: { hand(inputs: Input[]): void; links: boolean }) {
  const [over, setOver] = useState(false);
  const [typed, setTyped] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const files = (list: FileList | null | undefined) => hand([...(list ?? [])].map((file) => ({ file })));

  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData?.files.length) {
        event.preventDefault();
        files(event.clipboardData.files);
      }
    };
    const hover = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // a file dropped beside the zone must not replace the page
      setOver(true);
    };
    const leave = (event: DragEvent) => !event.relatedTarget && setOver(false);
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(false);
      files(event.dataTransfer.files);
    };
    document.addEventListener("paste", paste);
    document.addEventListener("dragover", hover);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("paste", paste);
      document.removeEventListener("dragover", hover);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  });

  const reading = classify(typed);
  const sendTyped = () => {
    if (!reading) return;
    hand([reading]);
    setTyped("");
  };
  return (
    <div class={over ? "intake intake-over" : "intake"}>
      <div class="drop">
        <Icon name="up" size={28} />
        <p class="drop-title">{over ? t("drop.now") : t("drop.title")}</p>
        <p class="muted">{t("drop.also")}</p>
        <button type="button" class="primary" onClick={() => chooser.current?.click()}>
          {t("drop.choose")}
        </button>
        <input
          ref={chooser}
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label={t("drop.choose")}
          onChange={(event) => {
            files(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
        <p class="small muted">{t("drop.kinds")}</p>
      </div>
      <form
        class="typed"
        onSubmit={(event) => {
          event.preventDefault();
          sendTyped();
        }}
      >
        <label class="field">
          <span>{links ? t("typed.label") : t("typed.label.text")}</span>
          <textarea
            rows={2}
            value={typed}
            placeholder={links ? t("typed.placeholder") : ""}
            aria-describedby="typed-as"
            onInput={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) sendTyped();
            }}
          />
        </label>
        <div class="row row-spread">
          <span id="typed-as" class="small muted" role="status">
            {reading === null ? t("typed.none") : "url" in reading ? t("typed.link") : t("typed.text")}
          </span>
          <button type="submit" disabled={!reading || (!links && "url" in reading)}>
            {t("typed.send")}
          </button>
        </div>
      </form>
    </div>
  );
}

/** Where the bytes go and how long they stay, in figures from the service itself. */
function Privacy({ known }: { known: SettingsView | undefined }) {
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const kept = (hours: number) => (hours === 0 ? t("privacy.forever") : duration(hours * 3600));
  return (
    <p class="privacy">
      <Icon name="shield" />
      <span>
        {here ? t("privacy.here") : t("privacy.there", { host: location.host })} {t("privacy.original")}{" "}
        {known && t("privacy.kept", { artifacts: kept(known.keepArtifactsHours), results: kept(known.keepResultsHours) })}
      </span>
    </p>
  );
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
