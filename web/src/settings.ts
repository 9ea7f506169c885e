import { getJson } from "./client";
import type { SettingsView } from "./wire";

let asked: Promise<SettingsView> | null = null;

/** The settings in force; read once, they do not change while the service runs. */
export function settings(): Promise<SettingsView> {
  asked ??= getJson<SettingsView>("/api/v1/settings");
  asked.catch(() => {
    asked = null; // the next screen asks again
  });
  return asked;
}
