import { date, fixed, maybe, t } from "../i18n";
import { Hash, Note, Problem } from "../parts/basics";
import { Pair } from "../parts/findings";
import { Icon } from "../parts/icons";
import { href } from "../router";
import { Download, useMedia, useOwnCopy } from "./download";
import { Compared, Heard, Read } from "./compared";
import { covered, nameOf, operatorsOf, secondLook } from "./report";
import type { Redaction } from "./shapes";

/** The safe file beside the original, and what the second look says of it. */
export function Result({ redaction }: { redaction: Redaction }) {
  const { result, kind } = redaction;
  const own = useOwnCopy(redaction.sha256);
  const output = useMedia(redaction.links.output);
  const look = secondLook(redaction);
  return (
    <>
      <div class="bench">
        <section class="bench-viewer" aria-labelledby="compared-title">
          <h2 id="compared-title">{t(own && kind !== "pdf" ? "protect.compared" : "protect.after.title")}</h2>
          {output.failure && <Problem failure={output.failure} />}
          {(kind === "image" || kind === "video") && <Compared redaction={redaction} before={own?.url} after={output.url} />}
          {kind === "audio" && <Heard before={own?.url} after={output.url} />}
          {(kind === "text" || kind === "html") && <Read before={own?.file} path={redaction.links.output} />}
          {kind === "pdf" && <p class="muted">{t("protect.pdf")}</p>}
          {kind !== "pdf" && (
            <p class="origin small muted">
              <Icon name="shield" size={14} /> {t(own ? "protect.before.own" : "protect.before.gone")}
            </p>
          )}
        </section>
        <div class="bench-findings">
          <section aria-labelledby="outcome-title" class="outcome">
            <h2 id="outcome-title">{t("report.title")}</h2>
            {covered(redaction).map((line) => (
              <p key={line}>{line}</p>
            ))}
            {(result?.kept ?? []).length > 0 && <p class="small muted">{(result?.kept ?? []).map((id) => nameOf({ id, kind: id.replace(/-.*$/, "") })).join(", ")}</p>}
          </section>
          <section aria-labelledby="second-title" class="outcome">
            <h2 id="second-title" class="second">
              <Icon name={look.calm ? "check" : "triangle"} size={18} /> {t("report.second")}
            </h2>
            {look.said.map((line) => (
              <p key={line}>{line}</p>
            ))}
            <p class="small muted">{t("report.second.limit")}</p>
          </section>
          {(result?.notes ?? []).map((note) => (
            <Note key={note}>{note}</Note>
          ))}
          <div class="row">
            <Download redaction={redaction} />
            <a class="button" href={href({ screen: "protect" })}>
              {t("protect.another")}
            </a>
          </div>
          <p class="small muted">{t("protect.expires")}</p>
        </div>
      </div>
      <Record redaction={redaction} />
    </>
  );
}

/** Hashes and times, for whoever has to show what was done. */
function Record({ redaction }: { redaction: Redaction }) {
  const { result } = redaction;
  const { recogniser, errorRate } = result?.speech ?? {};
  const heard = [recogniser, errorRate].filter(Boolean).join(", ");
  const hashes: [string, string | undefined][] = [
    [t("report.hash.before"), redaction.sha256],
    [t("report.hash.plan"), result?.planSha256],
    [t("report.hash.after"), result?.output.sha256],
  ];
  return (
    <section class="panel" aria-labelledby="record-title">
      <h2 id="record-title">{t("report.record")}</h2>
      <dl class="pairs">
        {hashes.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Hash value={value} />
                </dd>
              </div>
            ),
        )}
        {redaction.finished && <Pair name={t("technical.time")} value={date(redaction.finished)} />}
        <Pair name={t("report.operators")} value={operatorsOf(redaction).join(" · ")} />
        {heard && <Pair name={t("report.recogniser")} value={heard} />}
        {Object.entries(result?.timings ?? {}).map(([stage, ms]) => (
          <Pair key={stage} name={maybe(`stage.${stage}`) ?? stage} value={`${fixed(ms / 1000, 1)} s`} />
        ))}
      </dl>
    </section>
  );
}
