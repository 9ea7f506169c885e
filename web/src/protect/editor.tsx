import { useState } from "preact/hooks";
import { asFailure, type Failure } from "../client";
import { clock, t, tn } from "../i18n";
import { Problem } from "../parts/basics";
import { Icon } from "../parts/icons";
import { usePlayer } from "../viewer/player";
import { Tool } from "../viewer/stage";
import { Board } from "./board";
import { useOwnCopy } from "./download";
import { type Editing, useEditing } from "./editing";
import { PlanLanes } from "./lanes";
import { PlanList } from "./list";
import { Pages } from "./pages";
import { type Draft, draft } from "./plan";
import { render } from "./queue";
import { type Saving, useSaving } from "./saving";
import type { Plan, Redaction } from "./shapes";
import { TextBoard, useText } from "./textboard";
import { excerpt } from "./texts";
import { range, tally } from "./tracks";
import { useWaveform } from "./waveform";

const RATE = 30; // steps a second: finer than most films, so that no frame is skipped

/** The plan over the original: keep, cover, draw, mark, take back; then have it rendered. */
export function Editor({ redaction, plan: loaded }: { redaction: Redaction; plan: Plan }) {
  const { kind, links } = redaction;
  const [work, setWork] = useState<Draft>(() => draft(loaded));
  const { plan } = work;
  const paged = kind === "pdf"; // a moment is a page, counted from 0
  const player = usePlayer<HTMLVideoElement>(paged ? Math.max(0, plan.duration - 1) : plan.duration, RATE);
  const editing = useEditing(work, setWork, player, paged);
  const { selected, hand } = editing;
  const own = useOwnCopy(redaction.sha256);
  const seen = kind === "image" || kind === "video" || paged;
  const heard = kind === "audio" || kind === "video";
  const peaks = useWaveform({ file: own?.file, path: links["original"], bytes: heard ? redaction.bytes : Infinity, seconds: plan.duration });
  const { text, failure } = useText(redaction);
  const saving = useSaving(`/api/v1/redactions/${encodeURIComponent(redaction.redactionId)}/plan`, plan);

  const tools = (
    <>
      {seen && <Tool name="box" label={t("plan.draw.what")} words={t("plan.draw")} on={hand === "box"} press={() => editing.take("box")} />}
      <Tool name="undo" label={t("plan.undo")} disabled={!editing.undo} press={() => editing.undo?.()} />
      <Tool name="redo" label={t("plan.redo")} disabled={!editing.redo} press={() => editing.redo?.()} />
    </>
  );
  return (
    <div class="bench editor" onKeyDown={heard ? player.keys : undefined}>
      <section class="bench-viewer" aria-labelledby="board-title">
        <h2 id="board-title">{t("plan.title")}</h2>
        {paged ? (
          <Pages plan={plan} player={player} editing={editing} tools={tools} name={redaction.name} />
        ) : seen || heard ? (
          <Board redaction={redaction} plan={plan} player={player} editing={editing} tools={tools} />
        ) : (
          <TextBoard text={text} failure={failure} plan={plan} selected={selected} tools={tools} toggle={(span) => editing.turn(span, !span.enabled)} add={editing.words} />
        )}
        {heard && (
          <PlanLanes plan={plan} player={player} selected={selected} choose={editing.choose} peaks={peaks} onMarked={hand === "sound" ? editing.span : null} />
        )}
        {(seen || heard) && <p class="small muted">{t(`plan.hint.${hand === "look" && !seen ? "listen" : hand}`)}</p>}
        <p class="hidden" role="status">
          {editing.told}
        </p>
      </section>
      <section class="bench-findings" aria-labelledby="plan-list-title">
        <h2 id="plan-list-title">{t("plan.list")}</h2>
        {(seen || heard) && <Adding editing={editing} seen={seen} heard={heard} />}
        <PlanList
          plan={plan}
          selected={selected}
          choose={editing.choose}
          cover={editing.turn}
          coverAll={editing.turnAll}
          retime={editing.retime}
          remove={editing.remove}
          when={(one) => moment(one, plan, paged)}
          timed={heard}
          words={text ? (one) => excerpt(text, one.start, one.end) : null}
        />
        <Finish redaction={redaction} plan={plan} saving={saving} />
      </section>
    </div>
  );
}

function moment(one: { start: number; end: number }, plan: Plan, paged: boolean): string {
  if (plan.duration === 0) return "";
  if (paged) return t("plan.page", { n: Math.round(one.start) + 1 });
  const { start, end } = range(one, plan.duration);
  return `${clock(start, true)}–${clock(end, true)}`;
}

/** What can be added without a mouse. */
function Adding({ editing, seen, heard }: { editing: Editing; seen: boolean; heard: boolean }) {
  return (
    <div class="row">
      {seen && (
        <button type="button" class="small-button" onClick={() => editing.box()}>
          <Icon name="plus" /> {t("plan.add.box")}
        </button>
      )}
      {heard && (
        <>
          <button type="button" class="small-button" aria-pressed={editing.hand === "sound"} onClick={() => editing.take("sound")}>
            <Icon name="audio" /> {t("plan.mark")}
          </button>
          <button type="button" class="small-button" onClick={() => editing.span()}>
            <Icon name="plus" /> {t("plan.add.span")}
          </button>
        </>
      )}
    </div>
  );
}

/** What will happen, whether it is saved, and the button that makes it so. */
function Finish({ redaction, plan, saving }: { redaction: Redaction; plan: Plan; saving: Saving }) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const { covered, kept } = tally(plan);
  const go = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await saving.flush();
      await render(redaction.redactionId);
    } catch (reason) {
      setFailure(asFailure(reason));
      setBusy(false);
    }
  };
  const trouble = failure ?? saving.failure;
  return (
    <div class="finish">
      <p>
        {tn("plan.sum.covered", covered)} {kept > 0 && <strong>{tn("plan.sum.kept", kept)}</strong>}
      </p>
      {trouble && <Problem failure={trouble} />}
      <div class="row row-spread">
        <span class="small muted" role="status">
          {t(`plan.state.${saving.state}`)}
        </span>
        <button type="button" class="primary" disabled={busy} onClick={() => void go()}>
          {t("plan.render")}
        </button>
      </div>
    </div>
  );
}
