import { render } from "preact";
import { App } from "./app";
import { startLanguage } from "./i18n";
import { resume } from "./intake";
import { startRouter } from "./router";
import { startSession } from "./session";
import "./styles/fonts.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/screens.css";

startLanguage();
startSession();
startRouter();
resume();

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}

// Only the shell is kept for offline use; a development server has no worker to register.
if (import.meta.env.PROD && "serviceWorker" in navigator && isSecureContext) {
  addEventListener("load", () => void navigator.serviceWorker.register("./sw.js").catch(() => undefined));
}
