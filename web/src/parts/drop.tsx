import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, t } from "../i18n";
import { classify, type Input } from "../intake";
import { Icon } from "./icons";

/** One place for everything: files dropped, chosen or pasted, and a line for a link or a text. */
export function Intake({ hand, links, words }: { hand(inputs: Input[]): void; links: boolean; words: { now: string; kinds: string; send: string } }) {
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
        <p class="drop-title">{over ? words.now : t("drop.title")}</p>
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
        <p class="small muted">{words.kinds}</p>
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
            {words.send}
          </button>
        </div>
      </form>
    </div>
  );
}

/** Where the bytes go; `children` say how long they stay. */
export function Privacy({ children }: { children: ComponentChildren }) {
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  return (
    <p class="privacy">
      <Icon name="shield" />
      <span>
        {here ? t("privacy.here") : t("privacy.there", { host: location.host })} {children}
      </span>
    </p>
  );
}

export function kept(hours: number): string {
  return hours === 0 ? t("privacy.forever") : duration(hours * 3600);
}
