import type { ComponentChildren } from "preact";
import { clock, number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { Player } from "./player";

interface TransportProps {
  player: Pick<Player<HTMLVideoElement>, "now" | "duration" | "playing" | "toggle" | "stepBy">;
  plays: boolean;
  /** Frames a second; null where frames have no numbers. */
  rate: number | null;
  children?: ComponentChildren;
}

/** Play, one frame back and on, and the moment. */
export function Transport({ player, plays, rate, children }: TransportProps) {
  const { now, duration, playing, toggle, stepBy } = player;
  return (
    <div class="tools" role="toolbar" aria-label={t("video.tools")}>
      <button type="button" class="tool" onClick={toggle} disabled={!plays} aria-label={playing ? t("video.pause") : t("video.play")}>
        <Icon name={playing ? "pause" : "play"} />
      </button>
      <button type="button" class="tool" onClick={() => stepBy(-1)} aria-label={t("video.back")} title={t("video.back")}>
        <Icon name="previous" />
      </button>
      <button type="button" class="tool" onClick={() => stepBy(1)} aria-label={t("video.forward")} title={t("video.forward")}>
        <Icon name="next" />
      </button>
      <span class="figures time-now">
        {clock(now, true)} / {clock(duration, true)}
      </span>
      {rate !== null && <span class="figures muted small">{t("video.frame", { n: number(Math.floor(now * rate + 1e-6)) })}</span>}
      {children}
    </div>
  );
}
