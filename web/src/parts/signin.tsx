import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import type { Question } from "../session";

export function SignIn({ question }: { question: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="sign-title" onCancel={() => question.answer(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim()) question.answer(typed.trim());
        }}
      >
        <h2 id="sign-title">{t("sign.title")}</h2>
        <p>{t("sign.why")}</p>
        <label class="field">
          <span>{t("sign.token")}</span>
          <input
            type="password"
            autocomplete="current-password"
            value={typed}
            autofocus
            aria-invalid={question.rejected}
            aria-describedby={question.rejected ? "sign-rejected" : undefined}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        {question.rejected && (
          <p id="sign-rejected" class="field-error">
            {t("sign.rejected")}
          </p>
        )}
        <p class="muted small">{t("sign.kept")}</p>
        <div class="row row-end">
          <button type="button" onClick={() => question.answer(null)}>
            {t("sign.cancel")}
          </button>
          <button type="submit" class="primary" disabled={!typed.trim()}>
            {t("sign.in")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
