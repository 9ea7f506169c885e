import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { clock, number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { ViewProps } from ".";
import { frameRate, lastMoment, stepTime } from "./lanes";
import { Moments, Timeline, Worst } from "./timeline";

/** A video with its lanes. Without the browser's own copy, the kept stills stand in for the frames. */
export function VideoView({ report, look, own }: ViewProps) {
  const video = useRef<HTMLVideoElement>(null);
  const { timeline, thumbnails } = report.evidence;
  const [now, setNow] = useState(0);
  const [length, setLength] = useState<number | null>(null);
  const [playing, setPlaying] = useState(false);
  const [failed, setFailed] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  const rate = useMemo(() => frameRate([...report.frameAnalysis, ...thumbnails]) ?? 25, [report]);
  const known = report.coverage.unit === "seconds" ? report.coverage.total : 0;
  const duration = length ?? (known || lastMoment(timeline, thumbnails.map((thumb) => thumb.time)));
  const plays = own !== undefined && !failed;

  const seek = (time: number) => {
    const to = Math.min(duration, Math.max(0, time));
    setNow(to);
    if (video.current) video.current.currentTime = to;
  };
  const stepBy = (frames: number) => {
    video.current?.pause();
    seek(stepTime(video.current?.currentTime ?? now, frames, rate, duration));
  };
  useEffect(() => {
    if (!look) return;
    setAsked(look.detector);
    video.current?.pause();
    if (look.time !== undefined) seek(look.time);
  }, [look]);

  // Between two `timeupdate` events a playing video moves several frames: follow it frame by frame.
  useEffect(() => {
    if (!playing) return;
    let next = requestAnimationFrame(function follow() {
      if (video.current) setNow(video.current.currentTime);
      next = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(next);
  }, [playing]);

  const keys = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
    const actions: Record<string, () => void> = {
      ",": () => stepBy(-1),
      ".": () => stepBy(1),
      ArrowLeft: () => seek(now - 1),
      ArrowRight: () => seek(now + 1),
      " ": toggle,
    };
    const action = actions[event.key];
    if (!action || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    action();
  };
  const toggle = () => {
    const player = video.current;
    if (!player) return;
    if (player.paused) void player.play().catch(() => setFailed(true));
    else player.pause();
  };
  return (
    <div class="video-view" onKeyDown={keys}>
      <div class="screen" style={{ aspectRatio: shape(report.source.width, report.source.height) }}>
        {plays ? (
          <video
            ref={video}
            src={own}
            preload="auto"
            playsInline
            aria-label={t("viewer.video", { name: report.source.name })}
            onLoadedMetadata={(event) => Number.isFinite(event.currentTarget.duration) && setLength(event.currentTarget.duration)}
            onPlay={() => setPlaying(true)}
            onPause={() => setPlaying(false)}
            onSeeked={(event) => setNow(event.currentTarget.currentTime)}
            onError={() => setFailed(true)}
            onClick={toggle}
          />
        ) : (
          <Nearest thumbs={thumbnails} now={now} preview={report.evidence.preview?.url} />
        )}
      </div>
      {failed && <p class="small muted">{t("video.unplayable")}</p>}
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
        <span class="figures muted small">{t("video.frame", { n: number(Math.floor(now * rate + 1e-6)) })}</span>
      </div>
      <Timeline report={report} lanes={timeline} duration={duration} now={now} seek={seek} asked={asked} />
      <Worst thumbs={thumbnails} seek={seek} now={now} />
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

function shape(width: number | null | undefined, height: number | null | undefined): string {
  return width && height ? `${width} / ${height}` : "16 / 9";
}

function Nearest({ thumbs, now, preview }: { thumbs: { time: number; url: string | null }[]; now: number; preview: string | null | undefined }) {
  const nearest = thumbs.reduce<(typeof thumbs)[number] | undefined>(
    (best, one) => (!best || Math.abs(one.time - now) < Math.abs(best.time - now) ? one : best),
    undefined,
  );
  const { url } = useArtifact(nearest?.url ?? preview);
  return (
    <>
      {url && <img src={url} alt={nearest ? t("video.still", { time: clock(nearest.time, true) }) : ""} />}
      {nearest && <span class="still-note small">{t("video.still", { time: clock(nearest.time, true) })}</span>}
    </>
  );
}
