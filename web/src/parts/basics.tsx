import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Failure } from "../client";
import { fixed, number, t } from "../i18n";
import { type Grade, grade, tones } from "../reading";
import type { Kind, Label } from "../wire";
import { Icon, type IconName } from "./icons";

const glyphs: Record<Label, IconName> = {
  "Likely Authentic": "check",
  Inconclusive: "wave",
  Suspicious: "triangle",
  "Likely Manipulated": "diamond",
};

export function LabelChip({ label, large = false }: { label: Label; large?: boolean }) {
  return (
    <span class={`chip tone-${tones[label]}${large ? " chip-large" : ""}`}>
      <Icon name={glyphs[label]} size={large ? 20 : 14} />
      {t(`label.${label}`)}
    </span>
  );
}

export const kindIcons: Record<Kind | "link", IconName> = {
  image: "image",
  video: "video",
  audio: "audio",
  text: "text",
  html: "text",
  pdf: "text",
  link: "link",
};

/** Code, sentence, hint: the one way errors look. What the user typed or chose stays where it is. */
export function Problem({ failure, children }: { failure: Failure; children?: ComponentChildren }) {
  return (
    <div class="problem" role="alert">
      <Icon name="triangle" size={18} />
      <div class="problem-words">
        <p class="problem-message">{failure.message}</p>
        {failure.hint && <p class="problem-hint">{failure.hint}</p>}
        <p class="problem-code">
          {t("error.code")} <code>{failure.code}</code>
        </p>
        {children && <div class="row">{children}</div>}
      </div>
    </div>
  );
}

/** A score from 0 to 1 as a bar with the figure and a word. */
export function Score({ score, label }: { score: number; label: string }) {
  const level: Grade = grade(score);
  return (
    <div class={`score grade-${level}`} role="img" aria-label={`${label}: ${fixed(score, 2)}, ${t(`grade.${level}`)}`}>
      <span class="score-bar">
        <span class="score-fill" style={{ width: `${score * 100}%` }} />
        <span class="score-half" />
      </span>
      <span class="score-figure">{fixed(score, 2)}</span>
      <span class="score-word">{t(`grade.${level}`)}</span>
    </div>
  );
}

export function Meter({ fraction, label }: { fraction: number | null; label: string }) {
  const known = fraction !== null;
  return (
    <div
      class={known ? "meter" : "meter meter-open"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.round(fraction * 100) : undefined}
      aria-valuetext={known ? `${number(fraction * 100)} %` : t("progress.open")}
    >
      <span style={known ? { width: `${fraction * 100}%` } : {}} />
    </div>
  );
}

export function Hash({ value, short = false }: { value: string; short?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // no permission: the text can still be selected
    }
  };
  return (
    <span class="hash">
      <code title={value}>{short ? `${value.slice(0, 12)}…` : value}</code>
      <button type="button" class="quiet icon-button" onClick={copy} aria-label={t("hash.copy")} title={t("hash.copy")}>
        <Icon name={copied ? "check" : "copy"} size={14} />
      </button>
      <span class="hidden" role="status">
        {copied ? t("hash.copied") : ""}
      </span>
    </span>
  );
}

export interface Tab<T extends string> {
  id: T;
  title: string;
}

/** Tabs with one stop in the tab order; arrows, Home and End move between them. */
export function Tabs<T extends string>(props: { label: string; tabs: Tab<T>[]; chosen: T; choose(id: T): void; panel: string }) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const now = props.tabs.findIndex((tab) => tab.id === props.chosen);
    const last = props.tabs.length - 1;
    const to = { ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now === 0 ? last : now - 1, Home: 0, End: last }[event.key];
    const next = to === undefined ? undefined : props.tabs[to];
    if (!next || to === undefined) return;
    event.preventDefault();
    props.choose(next.id);
    (list.current?.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
      {props.tabs.map((tab) => (
        <button
          type="button"
          role="tab"
          key={tab.id}
          id={`${props.panel}-${tab.id}`}
          aria-selected={tab.id === props.chosen}
          aria-controls={props.panel}
          tabIndex={tab.id === props.chosen ? 0 : -1}
          onClick={() => props.choose(tab.id)}
        >
          {tab.title}
        </button>
      ))}
    </div>
  );
}

/** The heading of a screen takes the focus when the screen opens, so that a screen reader starts there. */
export function ScreenTitle({ children, title }: { children: ComponentChildren; title: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Veriscope`;
  }, [title]);
  useEffect(() => {
    if (document.body.dataset["moved"]) heading.current?.focus({ preventScroll: true });
    document.body.dataset["moved"] = "yes";
    scrollTo(0, 0);
  }, []);
  return (
    <h1 tabIndex={-1} ref={heading}>
      {children}
    </h1>
  );
}

export function Skeleton({ lines, tall = false }: { lines: number; tall?: boolean }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {tall && <span class="skeleton-tall" />}
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  );
}

export function Note({ children, tone = "plain" }: { children: ComponentChildren; tone?: "plain" | "amber" }) {
  return (
    <div class={`note note-${tone}`}>
      <Icon name={tone === "amber" ? "triangle" : "info"} />
      <div>{children}</div>
    </div>
  );
}
