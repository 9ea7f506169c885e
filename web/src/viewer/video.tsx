import { useEffect, useMemo, useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { clock, t } from "../i18n";
import type { ViewProps } from ".";
import { frameRate, lastMoment } from "./lanes";
import { usePlayer } from "./player";
import { Moments, Timeline, Worst } from "./timeline";
import { Transport } from "./transport";

/** A video with its lanes. Without the browser's own copy, the kept stills stand in for the frames. */
export function VideoView({ report, look, own }: ViewProps) {
  const { timeline, thumbnails } = report.evidence;
  const [asked, setAsked] = useState<string | null>(null);
  const rate = useMemo(() => frameRate([...report.frameAnalysis, ...thumbnails]) ?? 25, [report]);
  const known = report.coverage.unit === "seconds" ? report.coverage.total : 0;
  const expected = known || lastMoment(timeline, thumbnails.map((thumb) => thumb.time));
  const { element, now, duration, playing, failed, seek, toggle, stepBy, pause, events, keys } = usePlayer<HTMLVideoElement>(expected, rate);
  const plays = own !== undefined && !failed;

  useEffect(() => {
    if (!look) return;
    setAsked(look.detector);
    pause();
    if (look.time !== undefined) seek(look.time);
  }, [look]);

  return (
    <div class="video-view" onKeyDown={keys}>
      <div class="screen" style={{ aspectRatio: shape(report.source.width, report.source.height) }}>
        {plays ? (
          <video
            ref={element}
            src={own}
            preload="auto"
            playsInline
            aria-label={t("viewer.video", { name: report.source.name })}
            {...events}
            onClick={toggle}
          />
        ) : (
          <Nearest thumbs={thumbnails} now={now} preview={report.evidence.preview?.url} />
        )}
      </div>
      {failed && <p class="small muted">{t("video.unplayable")}</p>}
      <Transport player={{ now, duration, playing, toggle, stepBy }} plays={plays} rate={rate} />
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
