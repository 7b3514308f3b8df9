/** Questions that must be answered before an action goes on. */

import { freshId, h } from "./dom.js";
import { plain, text } from "./mrkdwn.js";

/** Asks with Slack's confirm object; true when the person confirms, false for anything else. */
export function confirmed(confirm) {
  if (!confirm) return Promise.resolve(true);
  const titleId = freshId("confirm");
  const label = (object, fallback) => (object ? plain(object) : fallback);
  const button = (value, className, content) =>
    h("button", { type: "submit", value, class: `button ${className}` }, content);
  const dialog = h(
    "dialog",
    { class: "dialog dialog-confirm", "aria-labelledby": titleId, dataset: { confirm: "" } },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: titleId, class: "dialog-title" }, label(confirm.title, "Are you sure?")),
      h("div", { class: "dialog-body text" }, text(confirm.text)),
      h(
        "div",
        { class: "dialog-buttons" },
        button("deny", "", label(confirm.deny, "Cancel")),
        button(
          "confirm",
          confirm.style === "danger" ? "button-danger" : "button-primary",
          label(confirm.confirm, "Confirm"),
        ),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "confirm");
    });
  });
}
