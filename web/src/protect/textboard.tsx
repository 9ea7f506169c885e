import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { asFailure, type Failure, getBlob } from "../client";
import { t } from "../i18n";
import { Note, Problem, Skeleton } from "../parts/basics";
import { pieces } from "../viewer/marks";
import { useOwnCopy } from "./download";
import { nameOf } from "./report";
import type { Plan, Redaction, SoundSpan } from "./shapes";
import { decoded, points, visible } from "./texts";

/** The text of a redaction that waits for review, as the plan counts its characters; null where the page cannot tell. */
export function useText(redaction: Redaction): { text?: string | null; failure?: Failure } {
  const own = useOwnCopy(redaction.sha256)?.file;
  const [state, setState] = useState<{ text?: string | null; failure?: Failure }>({});
  const path = redaction.kind === "text" ? redaction.links["original"] : undefined;
  useEffect(() => {
    const control = new AbortController();
    const read = async () => {
      if (redaction.kind !== "text") return setState({ text: null });
      const blob = own ?? (path ? await getBlob(path, control.signal) : null);
      const text = blob && decoded(await blob.arrayBuffer());
      if (!control.signal.aborted) setState({ text: text ? visible(text) : null });
    };
    read().catch((reason: unknown) => !control.signal.aborted && setState({ failure: asFailure(reason) }));
    return () => control.abort();
  }, [own, path]);
  return state;
}

interface TextBoardProps {
  text: string | null | undefined;
  failure: Failure | undefined;
  plan: Plan;
  selected: string | null;
  tools: ComponentChildren;
  toggle(span: SoundSpan): void;
  add(from: number, to: number): void;
}

/** The text with what goes out of it; a press keeps or removes, selected words can be added. */
export function TextBoard({ text, failure, plan, selected, tools, toggle, add }: TextBoardProps) {
  const body = useRef<HTMLPreElement>(null);
  const cut = useMemo(() => (text ? pieces(text, plan.spans) : []), [text, plan]);
  if (failure) return <Problem failure={failure} />;
  if (text === undefined) return <Skeleton lines={6} />;
  if (text === null)
    return (
      <>
        <div class="tools">{tools}</div>
        <Note>{t("plan.text.unseen")}</Note>
      </>
    );
  const take = () => {
    const chosen = getSelection();
    const range = chosen?.rangeCount ? chosen.getRangeAt(0) : null;
    if (!range || range.collapsed || !body.current?.contains(range.commonAncestorContainer)) return;
    const before = document.createRange();
    before.selectNodeContents(body.current);
    before.setEnd(range.startContainer, range.startOffset);
    const start = points(before.toString());
    add(start, start + points(range.toString()));
    chosen?.removeAllRanges();
  };
  return (
    <div class="text-view">
      <div class="tools">
        <button type="button" class="small-button" onMouseDown={(event) => event.preventDefault()} onClick={take}>
          {t("plan.text.add")}
        </button>
        <span class="tools-gap" />
        {tools}
      </div>
      <pre class="text-body plan-text" ref={body} tabIndex={0} role="region" aria-label={t("text.label")}>
        {cut.map((piece, i) => {
          const span = piece.marks.map((n) => plan.spans[n]).find((one) => one !== undefined);
          if (!span) return piece.text;
          return (
            <mark
              key={i}
              class={`${span.enabled ? "word-out" : "word-stays"}${span.id === selected ? " asked" : ""}`}
              title={t(span.enabled ? "plan.box.covered" : "plan.box.kept", { name: nameOf(span) })}
              onClick={() => toggle(span)}
            >
              {piece.text}
            </mark>
          );
        })}
      </pre>
      <p class="small muted">{t("plan.text.hint")}</p>
    </div>
  );
}
