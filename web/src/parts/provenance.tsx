import { t } from "../i18n";
import type { Report } from "../wire";
import { Pair, plain } from "./findings";
import { Icon, type IconName } from "./icons";

const glyphs: Record<Report["provenance"]["state"], IconName> = { none: "minus", invalid: "triangle", valid: "check", trusted: "shield" };

/** Content Credentials: intact and trusted are two things, and having none means nothing. */
export function Provenance({ provenance }: { provenance: Report["provenance"] }) {
  const { state, signer, aiDeclared, details } = provenance;
  const entries = Object.entries(details).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  return (
    <>
      <h2 id="provenance-title">{t("provenance.title")}</h2>
      <p class={`provenance-state provenance-${state}`}>
        <Icon name={glyphs[state]} /> {t(`provenance.${state}`)}
      </p>
      <p class="muted">{t(`provenance.${state}.what`)}</p>
      {(signer || aiDeclared || entries.length > 0) && (
        <dl class="pairs">
          {signer && <Pair name={t("provenance.signer")} value={signer} />}
          {aiDeclared && <Pair name={t("provenance.ai")} value={t("provenance.ai.yes")} />}
        </dl>
      )}
      {entries.length > 0 && (
        <details>
          <summary>{t("provenance.details")}</summary>
          <dl class="pairs">
            {entries.map(([name, value]) => (
              <Pair key={name} name={name} value={plain(value)} code />
            ))}
          </dl>
        </details>
      )}
    </>
  );
}
