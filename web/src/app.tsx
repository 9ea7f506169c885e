import { useState } from "preact/hooks";
import { type Language, language, languages, t } from "./i18n";
import { lazy, Suspense } from "./lazy";
import { Skeleton } from "./parts/basics";
import { Icon, Mark } from "./parts/icons";
import { href, route, type Route } from "./router";
import { Compare } from "./screens/compare";
import { History } from "./screens/history";
import { Result } from "./screens/result";
import { System } from "./screens/system";
import { Verify } from "./screens/verify";
import { question, signOut, signedIn, theme, type Theme } from "./session";
import { SignIn } from "./parts/signin";
import { useStore } from "./store";

const Protect = lazy(() => import("./screens/protect").then((module) => module.Protect));
const Redacting = lazy(() => import("./screens/redaction").then((module) => module.Redacting));

const places = [
  ["verify", { screen: "verify" }],
  ["protect", { screen: "protect" }],
  ["history", { screen: "history", query: new URLSearchParams() }],
  ["system", { screen: "system" }],
] as const satisfies readonly (readonly [string, Route])[];

export function App() {
  const here = useStore(route);
  const lang = useStore(language);
  const asked = useStore(question);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {t("nav.skip")}
      </a>
      <header class="top">
        <a class="brand" href={href({ screen: "verify" })} aria-label={`Veriscope, ${t("nav.verify")}`}>
          <Mark />
          <span class="wordmark">Veriscope</span>
        </a>
        <nav aria-label={t("nav.label")}>
          {places.map(([name, to]) => (
            <a key={name} href={href(to)} aria-current={current(here, name) ? "page" : undefined}>
              {t(`nav.${name}`)}
            </a>
          ))}
        </nav>
        <div class="top-tools">
          <Languages chosen={lang} />
          <Themes />
          <SignOut />
        </div>
      </header>
      <main id="main" tabIndex={-1} key={here.screen === "history" ? here.screen : href(here)}>
        <Suspense fallback={<Waiting />}>
          <Screen route={here} />
        </Suspense>
      </main>
      <footer class="foot">
        <p>{t("foot.line")}</p>
      </footer>
      {asked && <SignIn question={asked} />}
    </>
  );
}

function Waiting() {
  return (
    <div class="page">
      <Skeleton lines={8} />
    </div>
  );
}

function Screen({ route: here }: { route: Route }) {
  switch (here.screen) {
    case "result":
      return <Result id={here.id} />;
    case "history":
      return <History query={here.query} />;
    case "compare":
      return <Compare left={here.left} right={here.right} />;
    case "protect":
      return <Protect />;
    case "redaction":
      return <Redacting id={here.id} />;
    case "system":
      return <System />;
    case "verify":
      return <Verify />;
  }
}

function current(here: Route, name: string): boolean {
  if (here.screen === "compare") return name === "history";
  if (here.screen === "redaction") return name === "protect";
  return here.screen === name;
}

function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Languages({ chosen }: { chosen: Language }) {
  return (
    <select
      class="quiet"
      aria-label={t("nav.language")}
      value={chosen}
      onChange={(event) => language.set(event.currentTarget.value as Language)}
    >
      {Object.entries(languages).map(([code, name]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
}

const next: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const themeIcons = { auto: "auto", light: "sun", dark: "moon" } as const;

function Themes() {
  const now = useStore(theme);
  const [told, setTold] = useState("");
  const label = t("nav.theme", { theme: t(`theme.${now}`) });
  return (
    <>
      <button
        type="button"
        class="quiet icon-button"
        title={label}
        aria-label={label}
        onClick={() => {
          theme.set(next[now]);
          setTold(t("nav.theme", { theme: t(`theme.${next[now]}`) }));
        }}
      >
        <Icon name={themeIcons[now]} />
      </button>
      <span class="hidden" role="status">
        {told}
      </span>
    </>
  );
}

function SignOut() {
  if (!useStore(signedIn)) return null;
  return (
    <button type="button" class="quiet" onClick={signOut}>
      {t("sign.out")}
    </button>
  );
}
