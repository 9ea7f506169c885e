import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Problem } from "../parts/basics";
import type { Player } from "../viewer/player";
import { Stage } from "../viewer/stage";
import { Transport } from "../viewer/transport";
import { Boxes } from "./boxes";
import { useMedia, useOwnCopy } from "./download";
import type { Editing } from "./editing";
import type { Plan, Redaction } from "./shapes";

interface BoardProps {
  redaction: Redaction;
  plan: Plan;
  player: Player<HTMLVideoElement>;
  editing: Editing;
  tools: ComponentChildren;
}

/** The original (the browser's own copy, or the service's while the plan waits) under the boxes of the plan. */
export function Board({ redaction, plan, player, editing, tools }: BoardProps) {
  const own = useOwnCopy(redaction.sha256);
  const kept = useMedia(own ? null : redaction.links["original"]);
  const [unreadable, setUnreadable] = useState(false);
  const source = own?.url ?? kept.url;
  const drawing = editing.hand === "box";
  const film = redaction.kind === "video";
  const plays = source !== undefined && !player.failed;
  const label = t(film ? "viewer.video" : "viewer.picture", { name: redaction.name });
  if (kept.failure) return <Problem failure={kept.failure} />;
  if (redaction.kind === "audio")
    return (
      <div class="audio-view">
        {plays && <video ref={player.element} src={source} class="hidden" preload="auto" {...player.events} />}
        <Transport player={player} plays={plays} rate={null}>
          {tools}
        </Transport>
        {player.failed && <p class="small muted">{t("audio.unplayable")}</p>}
      </div>
    );
  return (
    <>
      <Stage
        base={film ? undefined : source}
        {...(film && {
          film: {
            base: plays ? (
              <video ref={player.element} src={source} preload="auto" playsInline aria-label={label} {...player.events} />
            ) : (
              <span class="stage-wait" />
            ),
          },
        })}
        picture={plan}
        shownWidth={plan.width}
        over={undefined}
        overTitle=""
        opacity={1}
        regions={[]}
        look={null}
        alt={label}
        onUnreadable={() => setUnreadable(true)}
        onMarked={null}
        overlay={(place) => <Boxes plan={plan} now={player.now} place={place} editing={editing} />}
        onDrawn={drawing ? editing.box : null}
        tools={tools}
        note={drawing ? t("plan.drawing") : ""}
      />
      {(unreadable || player.failed) && <p class="small muted">{t("plan.unplayable")}</p>}
      {film && <Transport player={player} plays={plays} rate={null} />}
    </>
  );
}
