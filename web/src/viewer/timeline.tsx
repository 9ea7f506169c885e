import { useArtifact } from "../artifacts";
import { clock, fixed, t } from "../i18n";
import { methodName } from "../reading";
import type { Lane, Report, Thumb } from "../wire";
import { path, stretch } from "./lanes";
import { LaneField, Seek } from "./lanefield";

interface TimelineProps {
  report: Report;
  lanes: Lane[];
  duration: number;
  now: number;
  seek(time: number): void;
  asked: string | null;
}

/** One lane for each method; a click anywhere goes there. The slider does the same from the keyboard. */
export function Timeline({ report, lanes, duration, now, seek, asked }: TimelineProps) {
  return (
    <div class="timeline">
      <Seek duration={duration} now={now} seek={seek} />
      {lanes.length === 0 && <p class="small muted">{t("time.nolanes")}</p>}
      <LaneField
        duration={duration}
        now={now}
        seek={seek}
        names={lanes.map((lane) => (
          <span key={lane.detector} class={asked === lane.detector ? "lane-name lane-asked" : "lane-name"} title={methodName(report, lane.detector)}>
            {methodName(report, lane.detector)}
          </span>
        ))}
      >
        {lanes.map((lane) => (
          <LaneRow key={lane.detector} report={report} lane={lane} duration={duration} />
        ))}
      </LaneField>
    </div>
  );
}

function LaneRow({ report, lane, duration }: { report: Report; lane: Lane; duration: number }) {
  const worst = lane.points.reduce((most, point) => Math.max(most, point.score), 0);
  const words = [
    methodName(report, lane.detector),
    lane.points.length ? t("time.highest", { score: fixed(worst, 2) }) : "",
    lane.spans.length ? t("time.spans", { n: lane.spans.length }) : "",
  ];
  return (
    <div class="lane" role="img" aria-label={words.filter(Boolean).join(", ")}>
      <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
        <line class="lane-half" x1="0" x2="1000" y1="50" y2="50" />
        <path d={path(lane.points, duration)} />
      </svg>
      {lane.spans.map((span, i) => {
        const { left, width } = stretch(span.start, span.end, duration);
        return <span key={i} class="lane-span" style={{ left: `${left * 100}%`, width: `${width * 100}%` }} title={span.note ?? ""} />;
      })}
    </div>
  );
}

/** The marked stretches as a list that the keyboard can walk. */
export function Moments({ report, lanes, seek }: { report: Report; lanes: Lane[]; seek(time: number, lane: Lane): void }) {
  const spans = lanes.flatMap((lane) => lane.spans.map((span) => ({ lane, span }))).sort((a, b) => a.span.start - b.span.start);
  if (!spans.length) return null;
  return (
    <section class="moments" aria-label={t("time.marked")}>
      <h3>{t("time.marked")}</h3>
      <ul>
        {spans.slice(0, 100).map(({ lane, span }, i) => (
          <li key={i}>
            <button type="button" class="moment" onClick={() => seek(span.start, lane)}>
              <span class="figures">
                {clock(span.start, true)}–{clock(span.end, true)}
              </span>
              <span>{methodName(report, lane.detector)}</span>
              {span.note && <span class="muted">{span.note}</span>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The worst moments first; each goes to its frame. */
export function Worst({ thumbs, seek, now }: { thumbs: Thumb[]; seek(time: number): void; now: number }) {
  if (!thumbs.length) return null;
  const scored = thumbs.some((thumb) => thumb.score !== null);
  const ordered = [...thumbs].sort((a, b) => (scored ? a.rank - b.rank : a.time - b.time)).slice(0, 12);
  return (
    <section class="worst" aria-label={scored ? t("time.worst") : t("time.moments")}>
      <h3>{scored ? t("time.worst") : t("time.moments")}</h3>
      <ul>
        {ordered.map((thumb) => (
          <li key={thumb.name}>
            <Still thumb={thumb} seek={seek} near={Math.abs(now - thumb.time) < 0.3} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Still({ thumb, seek, near }: { thumb: Thumb; seek(time: number): void; near: boolean }) {
  const { url } = useArtifact(thumb.url);
  return (
    <button type="button" class={near ? "still still-near" : "still"} onClick={() => seek(thumb.time)} aria-current={near ? "true" : undefined}>
      {/* The size is known beforehand, so nothing jumps when the picture arrives. */}
      {url ? <img src={url} alt="" width={thumb.width} height={thumb.height} /> : <span class="still-wait" />}
      <span class="figures small">
        {clock(thumb.time, true)}
        {thumb.score !== null && ` · ${fixed(thumb.score, 2)}`}
      </span>
    </button>
  );
}
