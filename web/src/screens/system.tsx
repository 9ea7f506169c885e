import { getAnyway, getJson } from "../client";
import { bytes, maybe, t } from "../i18n";
import { useLoad } from "../load";
import { Hash, Problem, ScreenTitle, Skeleton } from "../parts/basics";
import { Icon } from "../parts/icons";
import { settings } from "../settings";
import type { Health, ModelList, Setting, SettingsView } from "../wire";

/** What is running, with what, and why it behaves as it does. */
export function System() {
  const ready = useLoad("ready", (signal) => getAnyway<Health>("/health/ready", signal));
  const models = useLoad("models", (signal) => getJson<ModelList>("/api/v1/models", signal));
  const known = useLoad("settings", settings);
  return (
    <div class="page">
      <ScreenTitle title={t("nav.system")}>{t("system.title")}</ScreenTitle>
      <section class="panel" aria-labelledby="health-title">
        <div class="row row-spread">
          <h2 id="health-title">{t("system.health")}</h2>
          <button
            type="button"
            onClick={() => {
              ready.again();
              models.again();
            }}
          >
            <Icon name="again" /> {t("system.refresh")}
          </button>
        </div>
        {ready.failure ? <Problem failure={ready.failure} /> : ready.value ? <Checks health={ready.value} /> : <Skeleton lines={3} />}
      </section>
      <section class="panel" aria-labelledby="models-title">
        <h2 id="models-title">{t("system.models")}</h2>
        <p class="muted">{t("system.models.what")}</p>
        {models.failure ? <Problem failure={models.failure} /> : models.value ? <Models list={models.value} /> : <Skeleton lines={3} />}
      </section>
      <section class="panel" aria-labelledby="settings-title">
        <h2 id="settings-title">{t("system.settings")}</h2>
        <p class="muted">{t("system.settings.what")}</p>
        {known.failure ? (
          <Problem failure={known.failure}>
            <button type="button" onClick={known.again}>
              {t("again")}
            </button>
          </Problem>
        ) : known.value ? (
          <Settings view={known.value} />
        ) : (
          <Skeleton lines={12} />
        )}
      </section>
    </div>
  );
}

function State({ good, words }: { good: boolean; words: string }) {
  return (
    <span class={`chip ${good ? "tone-calm" : "tone-amber"}`}>
      <Icon name={good ? "check" : "triangle"} size={14} /> {words}
    </span>
  );
}

function Checks({ health }: { health: Health }) {
  return (
    <dl class="checks">
      {Object.entries(health.checks).map(([name, good]) => (
        <div key={name}>
          <dt>{maybe(`check.${name}`) ?? name}</dt>
          <dd>
            <State good={good} words={good ? t("system.ok") : t("system.notok")} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Models({ list }: { list: ModelList }) {
  if (!list.items.length) return <p class="muted">{t("system.models.none")}</p>;
  return (
    <div class="table-box" tabIndex={0} role="group" aria-labelledby="models-title">
      <table>
        <thead>
          <tr>
            <th scope="col">{t("system.model")}</th>
            <th scope="col">{t("system.version")}</th>
            <th scope="col">{t("system.state")}</th>
            <th scope="col">{t("system.origin")}</th>
            <th scope="col">SHA-256</th>
          </tr>
        </thead>
        <tbody>
          {list.items.map((model) => (
            <tr key={model.name}>
              <th scope="row">
                <code>{model.name}</code>
                <span class="small muted block">{model.task}</span>
              </th>
              <td>{model.version}</td>
              <td>
                <State good={model.state === "ready"} words={model.state === "ready" ? t("system.ok") : (maybe(`model.${model.state}`) ?? model.state)} />
              </td>
              <td>
                {model.reference}
                <span class="small muted block">{model.licence}</span>
              </td>
              <td>
                <Hash value={model.sha256} short />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Settings({ view }: { view: SettingsView }) {
  return (
    <>
      <p class="small muted">{t("system.program", { version: view.version })}</p>
      <div class="table-box" tabIndex={0} role="group" aria-labelledby="settings-title">
        <table>
          <thead>
            <tr>
              <th scope="col">{t("system.setting")}</th>
              <th scope="col">{t("system.value")}</th>
              <th scope="col">{t("system.source")}</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(view.settings).map(([name, setting]) => (
              <tr key={name} class={setting.source === "default" ? "" : "chosen"}>
                <th scope="row">
                  <code>{name}</code>
                  <Described text={setting.description} />
                </th>
                <td class="value">{shown(name, setting.value)}</td>
                <td>{maybe(`source.${setting.source}`) ?? setting.source}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** The descriptions are written for the documentation too: what stands between backticks is code. */
function Described({ text }: { text: string }) {
  return <span class="small muted block">{text.split("`").map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</span>;
}

/** Sizes in bytes get a unit beside them; nobody reads nine digits. */
function shown(name: string, value: Setting["value"]): string {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "–";
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number" && /bytes|memory/.test(name)) return `${value} (${bytes(value)})`;
  return Array.isArray(value) ? value.join(", ") : String(value);
}
