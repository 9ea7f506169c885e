import { useEffect, useMemo, useState } from "preact/hooks";
import { useArtifact } from "../artifacts";
import { number, t } from "../i18n";
import { Problem, Tabs } from "../parts/basics";
import { findings, methodName } from "../reading";
import type { Region } from "../wire";
import type { ViewProps } from ".";
import { aligned, filled, type Group, type Layer, layers } from "./layers";
import { Stage } from "./stage";

/** A picture under layers: maps and views are laid over it, or shown in its place when they have axes of their own. */
export function ImageView({ report, look, own }: ViewProps) {
  const all = useMemo(() => layers(report), [report]);
  const groups = filled(all);
  const [group, setGroup] = useState<Group>(groups[0] ?? "findings");
  const [chosen, setChosen] = useState<string | null>(null);
  const [opacity, setOpacity] = useState(0.7);
  const [marked, setMarked] = useState(true);
  const preview = useArtifact(own ? null : report.evidence.preview?.url);
  const layer = all.find((one) => one.id === chosen) ?? null;
  const over = useArtifact(layer?.url);
  const natural = useNatural(over.url);
  const [unreadable, setUnreadable] = useState(false);

  useEffect(() => {
    if (!look) return;
    const map = all.find((one) => one.detector === look.detector && one.transparent) ?? all.find((one) => one.detector === look.detector);
    if (map) {
      setGroup(map.group);
      setChosen(map.id);
    }
    setMarked(true);
  }, [look]);

  // Boxes of a method that speaks for a genuine file are drawn only when somebody asks to see them.
  const regions = useMemo(() => {
    const asked = look && findings(report).find((one) => one.detector === look.detector);
    const others = report.suspiciousRegions.filter((region) => region.detector !== look?.detector);
    return [...others, ...(asked ? asked.regions.map((region) => ({ ...region, detector: asked.detector, signal: asked.signal, crop: null })) : [])];
  }, [report, look]);

  const picture = {
    width: report.source.width ?? report.evidence.previewWidth ?? 0,
    height: report.source.height ?? report.evidence.previewHeight ?? 0,
  };
  const lies = layer && natural ? aligned(layer, natural, picture) : true;
  const alone = layer !== null && over.url !== undefined && !lies;
  // Some formats (TIFF, HEIC) are not shown by every browser: the preview then stands in.
  const fallback = useArtifact(own && unreadable ? report.evidence.preview?.url : null);
  const base = own && !unreadable ? own : (preview.url ?? fallback.url);
  const shownWidth = own && !unreadable ? picture.width : (report.evidence.previewWidth ?? picture.width);

  if (!own && !report.evidence.preview?.url && !all.length) return <p class="muted">{t("viewer.nothing")}</p>;
  return (
    <div class="image-view">
      {preview.failure && <Problem failure={preview.failure} />}
      <Stage
        base={alone ? over.url : base}
        picture={alone && natural ? natural : picture}
        shownWidth={alone && natural ? natural.width : shownWidth}
        over={alone ? undefined : over.url}
        overTitle={layer?.title ?? ""}
        opacity={opacity}
        regions={alone || !marked ? [] : regions}
        look={alone ? null : look}
        alt={alone && layer ? layer.title : t("viewer.picture", { name: report.source.name })}
        onUnreadable={() => own && setUnreadable(true)}
        onMarked={regions.length ? { on: marked, set: setMarked } : null}
      />
      {groups.length > 0 && (
        <div class="layer-panel">
          <Tabs
            label={t("layers.label")}
            tabs={groups.map((id: Group) => ({ id, title: t(`layers.${id}`) }))}
            chosen={group}
            choose={(id: Group) => setGroup(id)}
            panel="layer-choices"
          />
          <div id="layer-choices" role="tabpanel" aria-labelledby={`layer-choices-${group}`}>
            <div class="layer-row" role="radiogroup" aria-label={t(`layers.${group}`)}>
              <Choice title={t("layers.off")} on={layer === null} choose={() => setChosen(null)} />
              {all
                .filter((one) => one.group === group)
                .map((one) => (
                  <Choice key={one.id} title={one.title} on={one.id === chosen} choose={() => setChosen(one.id)} score={one.score} />
                ))}
            </div>
            <Explain layer={layer} failed={over.failure !== undefined} waiting={layer !== null && !over.url && !over.failure} alone={alone} />
            {over.failure && <Problem failure={over.failure} />}
            <label class="opacity">
              <span>{t("layers.opacity")}</span>
              <input
                type="range"
                min={0}
                max={100}
                value={Math.round(opacity * 100)}
                disabled={!layer || alone}
                onInput={(event) => setOpacity(Number(event.currentTarget.value) / 100)}
              />
              <output>{number(opacity * 100)} %</output>
            </label>
          </div>
        </div>
      )}
      <Regions report={report} regions={regions} />
    </div>
  );
}

function Choice(props: { title: string; on: boolean; choose(): void; score?: number | null }) {
  return (
    <label class="layer-choice">
      <input type="radio" name="layer" checked={props.on} onChange={props.choose} />
      <span>{props.title}</span>
    </label>
  );
}

function Explain({ layer, waiting, alone, failed }: { layer: Layer | null; waiting: boolean; alone: boolean; failed: boolean }) {
  if (failed) return null;
  return (
    <p class="layer-words small" role="status">
      {layer === null ? (
        <span class="muted">{t("layers.hint")}</span>
      ) : waiting ? (
        t("loading")
      ) : (
        <>
          {layer.caption} {alone && <span class="muted">{t("layers.alone")}</span>} {layer.note && <strong>{t(`clash.${layer.note}`)}</strong>}{" "}
          {layer.group !== "findings" && <span class="muted">{t("layers.noscore")}</span>}
        </>
      )}
    </p>
  );
}

/** The marked boxes in words, for those who do not see them. */
function Regions({ report, regions }: { report: ViewProps["report"]; regions: Region[] }) {
  if (!regions.length) return null;
  return (
    <details class="region-list small">
      <summary>{t("regions.title", { n: regions.length })}</summary>
      <ol>
        {regions.slice(0, 50).map((region, i) => (
          <li key={i}>
            {methodName(report, region.detector)}: {t("regions.box", { x: Math.round(region.x), y: Math.round(region.y), w: Math.round(region.width), h: Math.round(region.height) })}
            {region.note && ` · ${region.note}`}
          </li>
        ))}
      </ol>
    </details>
  );
}

function useNatural(url: string | undefined): { width: number; height: number } | null {
  const [known, setKnown] = useState<{ url: string; width: number; height: number } | null>(null);
  useEffect(() => {
    if (!url) return;
    const probe = new Image();
    probe.onload = () => setKnown({ url, width: probe.naturalWidth, height: probe.naturalHeight });
    probe.src = url;
    return () => {
      probe.onload = null;
    };
  }, [url]);
  return known && known.url === url ? known : null;
}
