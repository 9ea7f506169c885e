import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { number, t } from "../i18n";
import { Icon } from "../parts/icons";
import type { Region } from "../wire";
import { type Box, boxBetween, clamp, centred, fit, limit, type Placement, type Point, scaleKind, show, shownAt, type Size, step, toPicture, zoomAt } from "./geometry";
import { Loupe } from "./loupe";
import type { Look } from "./look";
import { Marks } from "./regions";
import { useBox, usePointers } from "./hands";

export interface StageProps {
  base: string | undefined;
  picture: { width: number; height: number };
  /** Width of the file that is shown; less than the picture's when only a preview is left. */
  shownWidth: number;
  over: string | undefined;
  overTitle: string;
  /** What is left of the split line; the picture when nothing is said. */
  baseTitle?: string;
  opacity: number;
  regions: Region[];
  look: Look | null;
  alt: string;
  onUnreadable(): void;
  onMarked: { on: boolean; set(on: boolean): void } | null;
  /** A video in place of the picture, and one in place of the layer. */
  film?: { base: ComponentChildren; over?: ComponentChildren };
  /** Drawn over everything; gets where the picture lies. */
  overlay?: (place: Placement, box: Size) => ComponentChildren;
  /** While set, a drag draws a box: it is told in pixels of the picture when let go. */
  onDrawn?: ((box: Box) => void) | null;
  /** Buttons of the screen's own. */
  tools?: ComponentChildren;
  /** In place of the sentence on scale. */
  note?: string;
  /** Where the split line stands at first; undefined: there is none. */
  startSplit?: number;
}

/** Pan, zoom, split and magnify. Enlarged pixels stay square, reduced ones are announced as reduced. */
export function Stage(props: StageProps) {
  const { picture } = props;
  const frame = useRef<HTMLDivElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const box = useBox(frame);
  const ratio = devicePixelRatio || 1;
  const [place, setPlace] = useState<Placement | null>(null); // null: fitted, follows the size of the window
  const [split, setSplit] = useState<number | null>(props.startSplit ?? null);
  const [band, setBand] = useState<Box | null>(null);
  const [loupe, setLoupe] = useState(false);
  const [at, setAt] = useState<Point | null>(null);
  const layered = Boolean(props.over ?? props.film?.over);
  const examines = !props.film && !props.overlay; // a magnifier needs a picture, and nothing in its way
  const fitted = fit(box, picture, ratio);
  const now = clamp(place ?? fitted, box, picture);
  const middle = { x: box.width / 2, y: box.height / 2 };
  const zoomTo = (scale: number, around: Point = middle) =>
    setPlace(clamp(zoomAt(now, around, limit(scale, fitted.scale, ratio)), box, picture));

  useEffect(() => {
    if (props.look?.region && box.width) setPlace(show(props.look.region, box, picture, ratio));
    else if (props.look) setPlace(null);
  }, [props.look]);
  useEffect(() => setPlace(null), [picture.width, picture.height]);

  usePointers(frame, {
    pan: (dx, dy) => setPlace(clamp({ ...now, x: now.x + dx, y: now.y + dy }, box, picture)),
    pinch: (factor, around) => zoomTo(now.scale * factor, around),
    hover: setAt,
    draw: props.onDrawn
      ? (from, to, done) => {
          const drawn = boxBetween(toPicture(now, from), toPicture(now, to), picture);
          setBand(done ? null : drawn);
          if (done && drawn) props.onDrawn?.(drawn);
        }
      : null,
  });

  const keys = (event: KeyboardEvent) => {
    const far = event.shiftKey ? 200 : 40;
    const pan = (dx: number, dy: number) => {
      if (loupe) setAt((point) => ({ x: (point ?? middle).x - dx / (event.shiftKey ? 5 : 10), y: (point ?? middle).y - dy / (event.shiftKey ? 5 : 10) }));
      else setPlace(clamp({ ...now, x: now.x + dx, y: now.y + dy }, box, picture));
    };
    const actions: Record<string, () => void> = {
      "+": () => zoomTo(step(now.scale, 1, ratio)),
      "=": () => zoomTo(step(now.scale, 1, ratio)),
      "-": () => zoomTo(step(now.scale, -1, ratio)),
      "0": () => setPlace(null),
      "1": () => setPlace(clamp(centred(box, picture, 1 / ratio), box, picture)),
      m: () => setLoupe(examines && !loupe),
      s: () => layered && setSplit(split === null ? 0.5 : null),
      ArrowLeft: () => pan(far, 0),
      ArrowRight: () => pan(-far, 0),
      ArrowUp: () => pan(0, far),
      ArrowDown: () => pan(0, -far),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };

  const kind = scaleKind(now.scale, ratio);
  const reduced = props.shownWidth < picture.width;
  const point = at && props.base ? toPicture(now, at) : null;
  const inside = point && point.x >= 0 && point.y >= 0 && point.x < picture.width && point.y < picture.height ? point : null;
  const cut = split === null || !layered ? null : split;
  const clip = cut === null ? "none" : `inset(0 0 0 ${cutAt(cut, box.width, now, picture.width)}%)`;
  const size = { width: `${picture.width}px`, height: `${picture.height}px` };
  return (
    <div class="stage-box">
      <div class="tools" role="toolbar" aria-label={t("tools.label")}>
        <Tool name="minus" label={t("tools.out")} press={() => zoomTo(step(now.scale, -1, ratio))} />
        <output class="scale" aria-live="off">
          {number(now.scale * ratio * 100, 1)} %
        </output>
        <Tool name="plus" label={t("tools.in")} press={() => zoomTo(step(now.scale, 1, ratio))} />
        <Tool name="fit" label={t("tools.fit")} words={t("tools.fit.short")} press={() => setPlace(null)} />
        <Tool name="frame" label={t("tools.exact")} words="1:1" press={() => setPlace(clamp(centred(box, picture, 1 / ratio), box, picture))} />
        <span class="tools-gap" />
        {props.tools}
        {!props.overlay && (
          <Tool name="split" label={t("tools.split")} words={t("tools.split.short")} on={cut !== null} disabled={!layered} press={() => setSplit(cut === null ? 0.5 : null)} />
        )}
        {examines && <Tool name="loupe" label={t("tools.loupe")} words={t("tools.loupe.short")} on={loupe} press={() => setLoupe(!loupe)} />}
        {props.onMarked && (
          <Tool name="eye" label={t("tools.regions")} words={t("tools.regions.short")} on={props.onMarked.on} press={() => props.onMarked?.set(!props.onMarked.on)} />
        )}
      </div>
      <div
        class={`stage${place ? " stage-free" : ""}${props.onDrawn ? " stage-draw" : ""}`}
        ref={frame}
        style={{ "--shape": picture.width / (picture.height || 1) }}
        tabIndex={0}
        role="group"
        aria-label={props.alt}
        aria-describedby="stage-help"
        onKeyDown={keys}
        onDblClick={(event) => {
          const rect = event.currentTarget.getBoundingClientRect();
          zoomTo(kind === "reduced" ? 1 / ratio : now.scale * 2, { x: event.clientX - rect.left, y: event.clientY - rect.top });
        }}
      >
        {(props.base || props.film) && picture.width > 0 && box.width > 0 ? (
          <div class="plane" style={{ ...size, transform: `translate(${now.x}px, ${now.y}px) scale(${now.scale})` }}>
            {props.film?.base ?? (
              <img ref={image} class={kind === "reduced" ? "" : "pixelated"} src={props.base} alt={props.alt} draggable={false} onError={props.onUnreadable} />
            )}
            {props.film?.over && (
              <div class="over" style={{ clipPath: clip }}>
                {props.film.over}
              </div>
            )}
            {props.over && (
              <img
                class={kind === "reduced" ? "over" : "over pixelated"}
                src={props.over}
                alt=""
                draggable={false}
                style={{ opacity: props.opacity, clipPath: clip }}
              />
            )}
          </div>
        ) : (
          <span class="stage-wait" />
        )}
        {box.width > 0 && props.overlay?.(now, box)}
        {band && <span class="band" style={shownAt(band, now)} />}
        <Marks regions={props.regions} place={now} box={box} look={props.look} />
        {cut !== null && <Divider cut={cut} set={setSplit} width={box.width} left={props.baseTitle ?? t("tools.split.before")} right={props.overTitle} />}
        {loupe && at && inside && image.current && <Loupe image={image.current} at={at} point={inside} picture={picture} box={box} />}
      </div>
      <p class="stage-status small">
        <span>{props.note ?? (reduced && kind !== "reduced" ? t("scale.preview", { shown: number(props.shownWidth), full: number(picture.width) }) : t(`scale.${kind}`))}</span>
        <span class="figures">{inside ? `x ${number(Math.floor(inside.x))} · y ${number(Math.floor(inside.y))}` : `${number(picture.width)} × ${number(picture.height)} px`}</span>
      </p>
      <p id="stage-help" class="hidden">
        {t("stage.help")}
      </p>
    </div>
  );
}

/** Where the split line falls in the picture, in per cent of its width. */
function cutAt(cut: number, width: number, place: Placement, pictureWidth: number): number {
  const x = (cut * width - place.x) / place.scale;
  return Math.min(100, Math.max(0, (x / pictureWidth) * 100));
}

interface ToolProps {
  name: Parameters<typeof Icon>[0]["name"];
  label: string;
  words?: string;
  on?: boolean;
  disabled?: boolean;
  press(): void;
}

export function Tool({ name, label, words, on, disabled, press }: ToolProps) {
  return (
    <button type="button" class="tool" title={label} aria-label={label} aria-pressed={on} disabled={disabled} onClick={press}>
      <Icon name={name} />
      {words && <span>{words}</span>}
    </button>
  );
}

function Divider({ cut, set, width, left, right }: { cut: number; set(cut: number): void; width: number; left: string; right: string }) {
  const drag = (event: PointerEvent) => {
    if (!(event.buttons & 1)) return;
    event.stopPropagation();
    const rect = (event.currentTarget as HTMLElement).parentElement?.getBoundingClientRect();
    if (rect) set(Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)));
  };
  return (
    <div
      class="divider"
      style={{ left: `${cut * width}px` }}
      role="slider"
      tabIndex={0}
      aria-label={t("tools.split.slider")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(cut * 100)}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onKeyDown={(event) => {
        const way = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.2, PageUp: 0.2 }[event.key];
        if (way === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        set(Math.min(1, Math.max(0, cut + way)));
      }}
    >
      <span class="divider-left">{left}</span>
      <span class="divider-right">{right}</span>
    </div>
  );
}
