import { useState } from "preact/hooks";
import { fixed, maybe, number, t, tn } from "../i18n";
import { Icon } from "../parts/icons";
import { nameOf } from "./report";
import type { Plan, SoundSpan, Track } from "./shapes";
import { grouped, range } from "./tracks";

const AT_FIRST = 40; // rows of a group: a crowd has hundreds

type One = Track | SoundSpan;

interface ListProps {
  plan: Plan;
  selected: string | null;
  /** Goes to where it can be seen or heard. */
  choose(one: One): void;
  cover(one: One, on: boolean): void;
  coverAll(kind: string, on: boolean): void;
  retime(one: One, start: number, end: number): void;
  remove(one: One): void;
  /** Where it is in time or on which page; empty where there is but one moment. */
  when(one: One): string;
  /** Whether stretches drawn by hand can begin and end at other moments. */
  timed: boolean;
  /** The words of a span of text. */
  words: ((one: SoundSpan) => string) | null;
}

/** Everything in the plan in words: what the boxes and lanes show, for eyes, fingers and screen readers alike. */
export function PlanList(props: ListProps) {
  const { plan } = props;
  return (
    <div class="plan-list">
      {grouped(plan.tracks).map(({ kind, tracks }) => (
        <Group key={kind} {...props} kind={kind} title={t(`kinds.${kind}`)} all={tracks} />
      ))}
      {plan.spans.length > 0 && <Group {...props} kind="" title={t(plan.spans.some((one) => one.unit === "characters") ? "plan.words" : "plan.sound")} all={[...plan.spans].sort((a, b) => a.start - b.start)} />}
      {plan.tracks.length + plan.spans.length === 0 && <p class="muted">{t("plan.empty")}</p>}
    </div>
  );
}

function Group({ kind, title, all, ...props }: ListProps & { kind: string; title: string; all: readonly One[] }) {
  const [shown, setShown] = useState(AT_FIRST);
  const rest = all.length - shown;
  const on = all.filter((one) => one.enabled).length;
  return (
    <section class="plan-group" aria-label={title}>
      <div class="row row-spread">
        <h3>
          {title} <span class="muted">{t("plan.covered.of", { n: number(on), total: number(all.length) })}</span>
        </h3>
        {kind && kind !== "manual" && all.length > 1 && (
          <button type="button" class="small-button" onClick={() => props.coverAll(kind, on < all.length)}>
            {t(on < all.length ? "plan.cover.all" : "plan.keep.all")}
          </button>
        )}
      </div>
      <ul>
        {all.slice(0, shown).map((one) => (
          <li key={one.id}>
            <Row {...props} one={one} />
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <button type="button" class="small-button" onClick={() => setShown(shown + 4 * AT_FIRST)}>
          {tn("metadata.more", rest)}
        </button>
      )}
    </section>
  );
}

function Row({ plan, one, selected, choose, cover, retime, remove, words, when, timed }: ListProps & { one: One }) {
  const { start, end } = range(one, plan.duration);
  const name = nameOf(one);
  const manual = one.kind === "manual";
  const picture = "thumbnail" in one ? one.thumbnail : "";
  const icon = "boxes" in one ? (manual ? "box" : "frame") : one.unit === "characters" ? "text" : "audio";
  return (
    <div class={`track${one.enabled ? "" : " track-off"}${selected === one.id ? " track-chosen" : ""}`}>
      <button type="button" class="track-go" onClick={() => choose(one)} aria-label={t("plan.show", { name })} aria-current={selected === one.id ? "true" : undefined}>
        {picture ? <img src={picture} alt="" /> : <Icon name={icon} size={20} />}
      </button>
      <div class="track-words">
        <strong>{name}</strong>
        <span class="small muted figures">
          {[manual && timed ? "" : when(one), manual ? "" : t("plan.sure", { score: fixed(one.confidence, 2) })].filter(Boolean).join(" · ")}
        </span>
        {words && !("boxes" in one) && <span class="small track-quote">{words(one)}</span>}
        {one.label && <span class="small">{maybe(`track.${one.label}`) ?? one.label}</span>}
        {manual && timed && <Times start={start} end={end} set={(a, b) => retime(one, a, b)} name={name} />}
      </div>
      {manual ? (
        <button type="button" class="quiet icon-button" onClick={() => remove(one)} aria-label={t("plan.remove", { name })} title={t("plan.remove", { name })}>
          <Icon name="bin" />
        </button>
      ) : (
        <button type="button" role="switch" class="switch" aria-checked={one.enabled} aria-label={t("plan.switch", { name })} onClick={() => cover(one, !one.enabled)}>
          <span class="switch-track" aria-hidden="true" />
          <span aria-hidden="true">{t(one.enabled ? "plan.covered" : "plan.kept")}</span>
        </button>
      )}
    </div>
  );
}

function Times({ start, end, set, name }: { start: number; end: number; set(start: number, end: number): void; name: string }) {
  const read = (text: string, otherwise: number) => {
    const value = Number(text.replace(",", "."));
    return text.trim() && Number.isFinite(value) ? value : otherwise;
  };
  return (
    <span class="track-times small">
      <label>
        {t("choices.start")}
        <input inputMode="decimal" value={start.toFixed(2)} aria-label={t("plan.from", { name })} onChange={(event) => set(read(event.currentTarget.value, start), end)} />
      </label>
      <label>
        {t("choices.end")}
        <input inputMode="decimal" value={end.toFixed(2)} aria-label={t("plan.to", { name })} onChange={(event) => set(start, read(event.currentTarget.value, end))} />
      </label>
    </span>
  );
}
