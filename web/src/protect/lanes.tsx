import { useState } from "preact/hooks";
import { clock, t } from "../i18n";
import { LaneField, Seek } from "../viewer/lanefield";
import { stretch } from "../viewer/lanes";
import type { Player } from "../viewer/player";
import { Wave } from "../viewer/wave";
import { nameOf } from "./report";
import type { Plan, SoundSpan, Track } from "./shapes";
import { packed, range } from "./tracks";
import type { Peaks } from "./waveform";

interface LanesProps {
  plan: Plan;
  player: Pick<Player<HTMLVideoElement>, "duration" | "now" | "seek">;
  selected: string | null;
  choose(one: Track | SoundSpan): void;
  peaks: Peaks | null;
  /** While set, a drag across the lanes marks a stretch of sound. */
  onMarked: ((from: number, to: number) => void) | null;
}

/** Tracks in time, and the sound with what is removed of it. The list beside says the same in words. */
export function PlanLanes({ plan, player, selected, choose, peaks, onMarked }: LanesProps) {
  const [held, setHeld] = useState<{ start: number; end: number } | null>(null);
  const { duration, now, seek } = player;
  const lanes = packed(plan.tracks);
  const name = (kind: Track["kind"], i: number) => (lanes[i - 1]?.tracks[0]?.kind === kind ? "" : t(`kinds.${kind}`));
  const drag = onMarked
    ? (from: number, to: number, done: boolean) => {
        const stretched = { start: Math.min(from, to), end: Math.max(from, to) };
        setHeld(done ? null : stretched);
        if (done && stretched.end - stretched.start > duration / 500) onMarked(stretched.start, stretched.end);
      }
    : undefined;
  return (
    <div class="timeline plan-lanes">
      <Seek duration={duration} now={now} seek={seek} />
      <LaneField
        duration={duration}
        now={now}
        seek={seek}
        drag={drag}
        names={
          <>
            {lanes.map((lane, i) => (
              <span key={lane.id} class="lane-name">
                {name(lane.tracks[0]?.kind ?? "manual", i)}
              </span>
            ))}
            <span class="lane-name lane-name-sound">{t("plan.sound")}</span>
          </>
        }
      >
        {lanes.map((lane) => (
          <div key={lane.id} class="lane">
            {lane.tracks.map((track) => (
              <Bar key={track.id} one={track} duration={duration} chosen={selected === track.id} choose={() => choose(track)} free={onMarked === null} />
            ))}
          </div>
        ))}
        <div class="lane lane-sound">
          {peaks && <Wave peaks={peaks} />}
          {plan.spans.map((span) => (
            <Bar key={span.id} one={span} duration={duration} chosen={selected === span.id} choose={() => choose(span)} free={onMarked === null} />
          ))}
          {held && <Held {...held} duration={duration} />}
        </div>
      </LaneField>
    </div>
  );
}

function Bar({ one, duration, chosen, choose, free }: { one: Track | SoundSpan; duration: number; chosen: boolean; choose(): void; free: boolean }) {
  const { start, end } = range(one, duration);
  const { left, width } = stretch(start, end, duration);
  return (
    <button
      type="button"
      tabIndex={-1} // the list leads to the same from the keyboard
      class={`bar ${one.enabled ? "bar-on" : "bar-off"}${chosen ? " bar-chosen" : ""}`}
      style={{ left: `${left * 100}%`, width: `${width * 100}%` }}
      title={`${nameOf(one)} · ${clock(start, true)}–${clock(end, true)}`}
      aria-label={nameOf(one)}
      onPointerDown={(event) => free && event.stopPropagation()}
      onClick={() => free && choose()}
    >
      <span>{nameOf(one)}</span>
    </button>
  );
}

function Held({ start, end, duration }: { start: number; end: number; duration: number }) {
  const { left, width } = stretch(start, end, duration);
  return <span class="bar bar-held" style={{ left: `${left * 100}%`, width: `${width * 100}%` }} />;
}
