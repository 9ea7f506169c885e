import { t } from "../i18n";
import { Note } from "../parts/basics";
import { Icon, type IconName } from "../parts/icons";
import { type Choices, looks, reversible, sounds, words } from "./choices";
import { type Target, targets } from "./shapes";

interface ChooseProps {
  choices: Choices;
  choose(part: Partial<Choices>): void;
}

export const targetIcons: Record<Target, IconName> = { faces: "face", plates: "plate", text: "text", speech: "audio" };

/** What to remove, what to put in its place, and whether a person looks before it is done. */
export function Choose({ choices, choose }: ChooseProps) {
  const toggle = (target: Target, on: boolean) =>
    choose({ targets: targets.filter((one) => (one === target ? on : choices.targets.includes(one))) });
  return (
    <aside class="choices" aria-label={t("protect.choices")}>
      <fieldset>
        <legend>{t("protect.remove")}</legend>
        {targets.map((target) => {
          const on = choices.targets.includes(target);
          return (
            <div key={target} class="removal">
              <label class="choice">
                <input type="checkbox" checked={on} onChange={(event) => toggle(target, event.currentTarget.checked)} />
                <span>
                  <strong class="removal-name">
                    <Icon name={targetIcons[target]} /> {t(`protect.${target}`)}
                  </strong>
                  <span class="small muted">{t(`protect.${target}.what`)}</span>
                </span>
              </label>
              <div class="removal-how">
                {target === "speech" ? (
                  <Operator label={t("protect.how.speech")} value={choices.speech} all={sounds} on={on} set={(speech) => choose({ speech })} />
                ) : (
                  <Operator
                    label={t(target === "text" ? "protect.how.printed" : "protect.how", { what: t(`protect.${target}`) })}
                    short={target === "text" ? t("protect.in.pictures") : undefined}
                    value={choices[target]}
                    all={looks}
                    on={on}
                    set={(operator) => choose({ [target]: operator })}
                  />
                )}
                {target === "text" && (
                  <Operator label={t("protect.how.written")} short={t("protect.in.texts")} value={choices.words} all={words} on={on} set={(word) => choose({ words: word })} />
                )}
              </div>
            </div>
          );
        })}
      </fieldset>
      {reversible(choices) && <Note tone="amber">{t("protect.reversible")}</Note>}
      <label class="choice">
        <input type="checkbox" checked={choices.review} onChange={(event) => choose({ review: event.currentTarget.checked })} />
        <span>
          <strong>{t("protect.review")}</strong>
          <span class="small muted">{t("protect.review.what")}</span>
        </span>
      </label>
      <details>
        <summary>{t("choices.more")}</summary>
        <label class="choice">
          <input type="checkbox" checked={choices.keepMetadata} onChange={(event) => choose({ keepMetadata: event.currentTarget.checked })} />
          <span>
            <strong>{t("protect.metadata")}</strong>
            <span class="small muted">{t("protect.metadata.what")}</span>
          </span>
        </label>
        <label class="field">
          <span>{t("protect.custom")}</span>
          <textarea rows={3} value={choices.custom} onInput={(event) => choose({ custom: event.currentTarget.value })} />
          <span class="small muted">{t("protect.custom.what")}</span>
        </label>
      </details>
    </aside>
  );
}

type AnyOperator = (typeof looks)[number] | (typeof sounds)[number] | (typeof words)[number];

function Operator<T extends AnyOperator>(props: { label: string; short?: string | undefined; value: T; all: readonly T[]; on: boolean; set(value: T): void }) {
  return (
    <label class="field">
      {props.short && <span>{props.short}</span>}
      <select aria-label={props.label} title={props.label} value={props.value} disabled={!props.on} onChange={(event) => props.set(event.currentTarget.value as T)}>
        {props.all.map((one) => (
          <option key={one} value={one}>
            {t(`operator.${one}`)}
          </option>
        ))}
      </select>
    </label>
  );
}
