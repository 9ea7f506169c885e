import { store } from "./store";

export type Route =
  | { screen: "verify" }
  | { screen: "result"; id: string }
  | { screen: "history"; query: URLSearchParams }
  | { screen: "compare"; left: string; right: string }
  | { screen: "protect" }
  | { screen: "redaction"; id: string }
  | { screen: "system" };

/** Reads the part of the address after `#`; an unknown one leads to the first screen. */
export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [screen = "", first = "", second = ""] = path.split("/").map(decode);
  if (screen === "result" && first) return { screen, id: first };
  if (screen === "compare" && first && second) return { screen, left: first, right: second };
  if (screen === "history") return { screen, query: new URLSearchParams(search) };
  if (screen === "protect") return first ? { screen: "redaction", id: first } : { screen };
  if (screen === "system") return { screen };
  return { screen: "verify" };
}

export function href(route: Route): string {
  switch (route.screen) {
    case "result":
      return `#/result/${encodeURIComponent(route.id)}`;
    case "compare":
      return `#/compare/${encodeURIComponent(route.left)}/${encodeURIComponent(route.right)}`;
    case "history": {
      const query = route.query.toString();
      return query ? `#/history?${query}` : "#/history";
    }
    case "protect":
      return "#/protect";
    case "redaction":
      return `#/protect/${encodeURIComponent(route.id)}`;
    case "system":
      return "#/system";
    case "verify":
      return "#/";
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // a half-copied address
  }
}

export const route = store<Route>({ screen: "verify" });

export function go(next: Route): void {
  location.hash = href(next);
}

export function startRouter(): void {
  const read = () => route.set(parse(location.hash));
  addEventListener("hashchange", read);
  read();
}
