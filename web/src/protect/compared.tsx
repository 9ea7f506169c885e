import { useEffect, useRef, useState } from "preact/hooks";
import { asFailure, type Failure, getBlob } from "../client";
import { t } from "../i18n";
import { Problem, Skeleton } from "../parts/basics";
import { usePlayer } from "../viewer/player";
import { Seek } from "../viewer/lanefield";
import { Stage } from "../viewer/stage";
import { Transport } from "../viewer/transport";
import type { Redaction } from "./shapes";
import { useSize } from "./size";

const APART = 0.08; // seconds that the two may drift before they are set right

interface Pair {
  before: string | undefined;
  after: string | undefined;
}

/** The two on one stage with a line to drag between them; the safe one alone where the original is gone. */
export function Compared({ redaction, before, after }: Pair & { redaction: Redaction }) {
  const film = redaction.kind === "video";
  const player = usePlayer<HTMLVideoElement>(0, 30);
  const shadow = useRef<HTMLVideoElement>(null);
  const [broken, setBroken] = useState(false);
  const size = useSize(film ? null : after, film ? player : null);
  const both = before !== undefined && !broken;

  useEffect(() => {
    const [one, other] = [shadow.current, player.element.current];
    if (!one || !other) return;
    if (Math.abs(one.currentTime - other.currentTime) > APART) one.currentTime = other.currentTime;
    if (player.playing && one.paused) void one.play().catch(() => setBroken(true));
    if (!player.playing && !one.paused) one.pause();
  }, [player.now, player.playing]);

  const stage = {
    picture: size,
    shownWidth: size.width,
    overTitle: t("protect.after"),
    baseTitle: t("protect.before"),
    opacity: 1,
    regions: [],
    look: null,
    alt: t(film ? "viewer.video" : "viewer.picture", { name: redaction.name }),
    onUnreadable: () => setBroken(true),
    onMarked: null,
    note: both ? t("protect.split") : "",
    ...(both && { startSplit: 0.5 }),
  };
  if (!film) return <Stage key={String(both)} {...stage} base={both ? before : after} over={both ? after : undefined} />;
  const safe = <video ref={player.element} src={after} preload="auto" playsInline aria-label={t("protect.after")} {...player.events} />;
  return (
    <div class="video-view" onKeyDown={player.keys}>
      <Stage
        key={String(both)}
        {...stage}
        base={undefined}
        over={undefined}
        film={both ? { base: <video ref={shadow} src={before} preload="auto" playsInline muted aria-label={t("protect.before")} onError={() => setBroken(true)} />, over: safe } : { base: safe }}
      />
      {player.failed && <p class="small muted">{t("protect.unplayable")}</p>}
      <Transport player={player} plays={after !== undefined && !player.failed} rate={null} />
      <Seek duration={player.duration} now={player.now} seek={player.seek} />
    </div>
  );
}

export function Heard({ before, after }: Pair) {
  return (
    <div class="heard">
      {[
        [t("protect.after"), after],
        [t("protect.before"), before],
      ].map(
        ([name, url]) =>
          url && (
            <figure key={name}>
              <figcaption>{name}</figcaption>
              <audio controls src={url} preload="metadata" aria-label={name} />
            </figure>
          ),
      )}
    </div>
  );
}

/** A text before and after, side by side. */
export function Read({ before, path }: { before: Blob | undefined; path: string | undefined | null }) {
  const [texts, setTexts] = useState<{ before?: string; after?: string }>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => {
    const control = new AbortController();
    const read = async () => {
      const own = await before?.text();
      const after = path ? await (await getBlob(path, control.signal)).text() : undefined;
      if (!control.signal.aborted) setTexts({ ...(own !== undefined && { before: own }), ...(after !== undefined && { after }) });
    };
    read().catch((reason: unknown) => !control.signal.aborted && setFailure(asFailure(reason)));
    return () => control.abort();
  }, [before, path]);
  if (failure) return <Problem failure={failure} />;
  if (texts.after === undefined) return <Skeleton lines={6} />;
  return (
    <div class={texts.before === undefined ? "texts" : "texts texts-two"}>
      {texts.before !== undefined && (
        <figure>
          <figcaption>{t("protect.before")}</figcaption>
          <pre class="text-body" tabIndex={0}>
            {texts.before}
          </pre>
        </figure>
      )}
      <figure>
        <figcaption>{t("protect.after")}</figcaption>
        <pre class="text-body" tabIndex={0}>
          {texts.after}
        </pre>
      </figure>
    </div>
  );
}
