import { useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "../parts/icons";
import { type Box, type Placement, shownAt } from "../viewer/geometry";
import type { Editing } from "./editing";
import { nameOf } from "./report";
import type { Plan, Track } from "./shapes";
import { boxAt, nudged, within } from "./tracks";

interface BoxesProps {
  plan: Plan;
  now: number;
  place: Placement;
  editing: Editing;
}

/** The tracks as they are at this moment. A press keeps or covers what was found; drawn boxes can be moved. */
export function Boxes({ plan, now, place, editing }: BoxesProps) {
  const shown = plan.tracks.flatMap((track) => {
    const box = boxAt(track, now, plan.duration);
    return box ? [{ track, box }] : [];
  });
  // The largest first: a small box inside a large one stays within reach.
  shown.sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
  return (
    <div class="covers">
      {shown.map(({ track, box }) =>
        track.kind === "manual" ? (
          <Drawn key={track.id} track={track} box={box} plan={plan} place={place} editing={editing} />
        ) : (
          <button
            key={track.id}
            type="button"
            class={classes(track, editing.selected === track.id)}
            style={shownAt(box, place)}
            aria-pressed={track.enabled}
            aria-label={t(track.enabled ? "plan.box.covered" : "plan.box.kept", { name: nameOf(track) })}
            onPointerDown={(event) => event.stopPropagation()}
            onDblClick={(event) => event.stopPropagation()}
            onClick={() => editing.turn(track, !track.enabled)}
          >
            <Tag track={track} />
          </button>
        ),
      )}
    </div>
  );
}

const classes = (track: Track, chosen: boolean) => `cover ${track.enabled ? "cover-on" : "cover-off"}${chosen ? " cover-chosen" : ""}`;

function Tag({ track }: { track: Track }) {
  return (
    <span class="cover-tag" aria-hidden="true">
      {!track.enabled && <Icon name="eye" size={12} />}
      {nameOf(track)}
    </span>
  );
}

interface DrawnProps extends Omit<BoxesProps, "now"> {
  track: Track;
  box: Box;
}

/** A box of the user's own: drag it, drag its corner, or use the arrows (with Shift for its size). */
function Drawn({ track, box, plan, place, editing }: DrawnProps) {
  const from = useRef<{ x: number; y: number; resize: boolean } | null>(null);
  const [held, setHeld] = useState<Box | null>(null); // while it is dragged
  const press = (event: PointerEvent, resize: boolean) => {
    event.stopPropagation();
    if (event.button !== 0) return;
    editing.select(track.id);
    from.current = { x: event.clientX, y: event.clientY, resize };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const drag = (event: PointerEvent) => {
    if (!from.current) return;
    event.stopPropagation();
    const dx = (event.clientX - from.current.x) / place.scale;
    const dy = (event.clientY - from.current.y) / place.scale;
    const next = from.current.resize ? { ...box, width: box.width + dx, height: box.height + dy } : { ...box, x: box.x + dx, y: box.y + dy };
    setHeld(within(next, plan));
  };
  const lift = (event: PointerEvent) => {
    event.stopPropagation();
    from.current = null;
    if (held) editing.move(track.id, held);
    setHeld(null);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      event.stopPropagation();
      return editing.remove(track);
    }
    const next = nudged(box, event.key, event.shiftKey, event.altKey ? 1 : Math.max(1, Math.round(4 / place.scale)), plan);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    editing.move(track.id, next);
  };
  return (
    <div
      class={`${classes(track, editing.selected === track.id)} cover-drawn`}
      style={shownAt(held ?? box, place)}
      role="button"
      tabIndex={0}
      aria-label={t("plan.box.drawn", { name: nameOf(track) })}
      onPointerDown={(event) => press(event, false)}
      onPointerMove={drag}
      onPointerUp={lift}
      onPointerCancel={lift}
      onDblClick={(event) => event.stopPropagation()}
      onFocus={() => editing.select(track.id)}
      onKeyDown={keys}
    >
      <Tag track={track} />
      <span class="cover-corner" onPointerDown={(event) => press(event, true)} onPointerMove={drag} onPointerUp={lift} onPointerCancel={lift} />
    </div>
  );
}
