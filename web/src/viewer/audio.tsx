import { useEffect, useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { clock, number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { ViewProps } from ".";
import { stretch } from "./lanes";
import { usePlayer } from "./player";
import { Moments, Timeline } from "./timeline";
import { Wave } from "./wave";

/** Waveform and spectrogram on one time axis, with the marked stretches across both. */
export function AudioView({ report, look, own }: ViewProps) {
  const { waveform, spectrogram, timeline } = report.evidence;
  const [asked, setAsked] = useState<string | null>(null);
  const duration = waveform?.duration ?? spectrogram?.duration ?? (report.coverage.unit === "seconds" ? report.coverage.total : 0);
  const picture = useArtifact(spectrogram?.url);
  const spans = report.suspiciousSpans.filter((span) => span.unit === "seconds");
  const { element, now, playing, failed, seek, toggle, events } = usePlayer<HTMLAudioElement>(duration);
  const plays = own !== undefined && !failed;
  const share = duration > 0 ? Math.min(1, now / duration) : 0;

  useEffect(() => {
    if (!look) return;
    setAsked(look.detector);
    if (look.time !== undefined) seek(look.time);
  }, [look]);
  const click = (event: PointerEvent) => {
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    const rect = (event.currentTarget as HTMLElement).getBoundingClientRect();
    seek(((event.clientX - rect.left) / rect.width) * duration);
  };
  return (
    <div class="audio-view">
      {plays && <audio ref={element} src={own} preload="auto" {...events} />}
      <div class="tools" role="toolbar" aria-label={t("audio.tools")}>
        <button type="button" class="tool" onClick={toggle} disabled={!plays} aria-label={playing ? t("video.pause") : t("video.play")}>
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <span class="figures time-now">
          {clock(now, true)} / {clock(duration, true)}
        </span>
        {failed && <span class="small muted">{t("audio.unplayable")}</span>}
      </div>
      <div class="sound" onPointerDown={click} onPointerMove={click}>
        {waveform && <Wave peaks={waveform.peaks} />}
        {spectrogram && (
          <div class="spectrogram">
            {picture.url && <img src={picture.url} alt={t("audio.spectrogram")} draggable={false} />}
            <span class="axis axis-top">{number(spectrogram.topHz / 1000, 1)} kHz</span>
            <span class="axis axis-bottom">0</span>
          </div>
        )}
        {spans.map((span, i) => {
          const { left, width } = stretch(span.start, span.end, duration);
          return <span key={i} class="sound-span" style={{ left: `${left * 100}%`, width: `${width * 100}%` }} title={span.note ?? ""} />;
        })}
        <span class="playhead" style={{ left: `${share * 100}%` }} />
      </div>
      <Timeline report={report} lanes={timeline} duration={duration} now={now} seek={seek} asked={asked} />
      <Moments
        report={report}
        lanes={timeline}
        seek={(time, lane) => {
          setAsked(lane.detector);
          seek(time);
        }}
      />
    </div>
  );
}
