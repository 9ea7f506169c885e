import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import type { Box } from "../viewer/geometry";
import type { Player } from "../viewer/player";
import { addBox, addSpan, addWords, cover, coverAll, type Draft, edit, place, redo, remove, retime, retimeSpan, undo } from "./plan";
import { nameOf } from "./report";
import type { Plan, SoundSpan, Track } from "./shapes";
import { bestMoment, boxAt } from "./tracks";

const FIRST_SPAN = 1; // seconds marked by the button

export type Hand = "look" | "box" | "sound";
type One = Track | SoundSpan;

/** The draft, and all that a person may do to it; every act says what it did, for those who do not see it. On pages a moment is a page. */
export function useEditing(work: Draft, setWork: (change: (now: Draft) => Draft) => void, player: Player<HTMLVideoElement>, paged: boolean) {
  const [selected, select] = useState<string | null>(null);
  const [hand, setHand] = useState<Hand>("look");
  const [told, setTold] = useState("");
  const { plan } = work;

  const change = (next: Plan, words = "") => {
    setWork((now) => edit(now, next));
    setTold(words);
  };
  const added = ({ plan: next, id }: { plan: Plan; id: string }) => {
    setHand("look");
    select(id);
    change(next, t("plan.told.added"));
  };
  const turn = (one: One, on: boolean) => {
    select(one.id);
    change(cover(plan, one.id, on), t(on ? "plan.told.covered" : "plan.told.kept", { name: nameOf(one) }));
  };
  /** What is there now stays in sight; otherwise the player goes to where it is seen or heard. */
  const choose = (one: One) => {
    select(one.id);
    if (plan.duration === 0) return;
    player.pause();
    if (!("boxes" in one)) player.seek(one.start);
    else if (!boxAt(one, player.now, plan.duration)) player.seek(bestMoment(one, plan.duration));
  };
  const keys = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    setWork(event.shiftKey ? redo : undo);
  };
  useEffect(() => {
    document.addEventListener("keydown", keys);
    return () => document.removeEventListener("keydown", keys);
  });

  const middle = { x: Math.round(plan.width * 0.4), y: Math.round(plan.height * 0.4), width: Math.round(plan.width * 0.2), height: Math.round(plan.height * 0.2) };
  return {
    selected,
    select,
    hand,
    told,
    choose,
    turn,
    /** Takes a tool in hand, or puts it back. */
    take: (next: Hand) => setHand(hand === next ? "look" : next),
    box: (box: Box = middle) => added(addBox(plan, box, player.now, paged ? player.now : plan.duration)),
    span: (from = player.now, to = player.now + FIRST_SPAN) => added(addSpan(plan, from, to)),
    words: (from: number, to: number) => added(addWords(plan, from, to)),
    move: (id: string, box: Box) => change(place(plan, id, player.now, box)),
    turnAll: (kind: string, on: boolean) => change(coverAll(plan, kind, on), t(on ? "plan.cover.all" : "plan.keep.all")),
    retime: (one: One, start: number, end: number) => change("boxes" in one ? retime(plan, one.id, start, end) : retimeSpan(plan, one.id, start, end)),
    remove: (one: One) => change(remove(plan, one.id), t("plan.told.removed", { name: nameOf(one) })),
    undo: work.past.length ? () => setWork(undo) : null,
    redo: work.future.length ? () => setWork(redo) : null,
  };
}

export type Editing = ReturnType<typeof useEditing>;
