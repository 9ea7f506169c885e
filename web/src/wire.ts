/** The shapes of the service, named as the page speaks of them. */
import type { components } from "./api";

type Schemas = components["schemas"];
export type Report = Schemas["PublicReport"];
export type Assessment = Schemas["OverallAssessment"];
export type Label = Assessment["label"];
export type Finding = Schemas["FindingOut"];
export type SignalName = Finding["signal"];
export type Region = Schemas["SuspiciousRegion"];
export type Span = Schemas["SpanOut"];
export type Lane = Schemas["Lane"];
export type Thumb = Schemas["Thumb"];
export type MetadataRow = Schemas["MetadataRow"];
export type Kind = Report["mediaType"];
export type Policy = Report["policy"];
export type Job = Schemas["JobView"];
export type Summary = Schemas["HistoryItem"];
export type Page = Schemas["HistoryPage"];
export type SettingsView = Schemas["SettingsView"];
export type Setting = Schemas["SettingView"];
export type ModelList = Schemas["ModelList"];

export interface Health {
  status: string;
  checks: Record<string, boolean>;
}
