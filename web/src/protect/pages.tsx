import type { ComponentChildren } from "preact";
import { number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { Player } from "../viewer/player";
import { Stage } from "../viewer/stage";
import { Boxes } from "./boxes";
import type { Editing } from "./editing";
import type { Plan } from "./shapes";
import { boxAt } from "./tracks";

const AROUND = 0.2; // a thumbnail shows this much of the box's size around it

interface PagesProps {
  plan: Plan;
  player: Player<HTMLVideoElement>;
  editing: Editing;
  tools: ComponentChildren;
  name: string;
}

/** A document: the browser may not draw it here, so the places that were found lie on an empty sheet. */
export function Pages({ plan, player, editing, tools, name }: PagesProps) {
  const last = player.duration;
  const page = Math.round(player.now);
  const drawing = editing.hand === "box";
  const sheet = (
    <div class="sheet">
      {plan.tracks.map((track) => {
        const box = boxAt(track, page, plan.duration);
        if (!box || !track.thumbnail) return null;
        const [dx, dy] = [box.width * AROUND, box.height * AROUND];
        const place = { left: `${box.x - dx}px`, top: `${box.y - dy}px`, width: `${box.width + 2 * dx}px`, height: `${box.height + 2 * dy}px` };
        return <img key={track.id} src={track.thumbnail} alt="" style={place} draggable={false} />;
      })}
    </div>
  );
  return (
    <>
      <Stage
        base={undefined}
        film={{ base: sheet }}
        picture={plan}
        shownWidth={plan.width}
        over={undefined}
        overTitle=""
        opacity={1}
        regions={[]}
        look={null}
        alt={t("viewer.picture", { name })}
        onUnreadable={() => undefined}
        onMarked={null}
        overlay={(place) => <Boxes plan={plan} now={page} place={place} editing={editing} />}
        onDrawn={drawing ? editing.box : null}
        tools={tools}
        note={drawing ? t("plan.drawing") : t("plan.sheet")}
      />
      <div class="tools">
        <button type="button" class="tool" disabled={page === 0} onClick={() => player.seek(page - 1)} aria-label={t("plan.page.back")}>
          <Icon name="previous" />
        </button>
        <output>{t("plan.page.of", { n: number(page + 1), total: number(plan.duration) })}</output>
        <button type="button" class="tool" disabled={page === last} onClick={() => player.seek(page + 1)} aria-label={t("plan.page.next")}>
          <Icon name="next" />
        </button>
      </div>
    </>
  );
}
