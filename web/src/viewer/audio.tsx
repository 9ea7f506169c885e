import { useEffect, useRef, useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { clock, number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { ViewProps } from ".";
import { useBox } from "./hands";
import { stretch } from "./lanes";
import { Moments, Timeline } from "./timeline";

/** Waveform and spectrogram on one time axis, with the marked stretches across both. */
export function AudioView({ report, look, own }: ViewProps) {
  const player = useRef<HTMLAudioElement>(null);
  const { waveform, spectrogram, timeline } = report.evidence;
  const [now, setNow] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [failed, setFailed] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  const duration = waveform?.duration ?? spectrogram?.duration ?? (report.coverage.unit === "seconds" ? report.coverage.total : 0);
  const picture = useArtifact(spectrogram?.url);
  const spans = report.suspiciousSpans.filter((span) => span.unit === "seconds");
  const plays = own !== undefined && !failed;
  const share = duration > 0 ? Math.min(1, now / duration) : 0;

  const seek = (time: number) => {
    const to = Math.min(duration, Math.max(0, time));
    setNow(to);
    if (player.current) player.current.currentTime = to;
  };
  useEffect(() => {
    if (!look) return;
    setAsked(look.detector);
    if (look.time !== undefined) seek(look.time);
  }, [look]);
  useEffect(() => {
    if (!playing) return;
    let next = requestAnimationFrame(function follow() {
      if (player.current) setNow(player.current.currentTime);
      next = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(next);
  }, [playing]);
  const toggle = () => {
    const sound = player.current;
    if (!sound) return;
    if (sound.paused) void sound.play().catch(() => setFailed(true));
    else sound.pause();
  };
  const click = (event: PointerEvent) => {
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    const rect = (event.currentTarget as HTMLElement).getBoundingClientRect();
    seek(((event.clientX - rect.left) / rect.width) * duration);
  };
  return (
    <div class="audio-view">
      {plays && (
        <audio
          ref={player}
          src={own}
          preload="auto"
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onSeeked={(event) => setNow(event.currentTarget.currentTime)}
          onError={() => setFailed(true)}
        />
      )}
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

/** Drawn here from the peaks, so that it is sharp at any width and in any theme. */
function Wave({ peaks }: { peaks: [number, number][] }) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useBox(frame);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !canvas.current || !box.width) return;
    const ratio = devicePixelRatio || 1;
    canvas.current.width = Math.round(box.width * ratio);
    canvas.current.height = Math.round(box.height * ratio);
    const { width, height } = canvas.current;
    context.fillStyle = getComputedStyle(canvas.current).color;
    const most = peaks.reduce((top, [low, high]) => Math.max(top, Math.abs(low), Math.abs(high)), 0.01);
    for (let x = 0; x < width; x += 1) {
      const from = Math.floor((x / width) * peaks.length);
      const to = Math.max(from + 1, Math.floor(((x + 1) / width) * peaks.length));
      let [low, high] = [0, 0];
      for (const [a, b] of peaks.slice(from, to)) [low, high] = [Math.min(low, a), Math.max(high, b)];
      const top = (0.5 - high / most / 2.1) * height;
      context.fillRect(x, top, 1, Math.max(1, ((high - low) / most / 2.1) * height));
    }
  });
  return (
    <div class="wave" ref={frame}>
      <canvas ref={canvas} role="img" aria-label={t("audio.waveform")} />
    </div>
  );
}
