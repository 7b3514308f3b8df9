/** An app's Home tab. */

import { renderBlocks } from "./blocks.js";
import { avatar, directWith, person } from "./directory.js";
import { fill, h } from "./dom.js";
import { mapOf, viewSurface } from "./surface.js";

/** What was typed into a Home view, by its id, kept over the app's updates. */
const remembered = new Map();
let shown = null;

/** Draws the Home of `app` unless just that is shown already. */
export function drawHome(node, app, view, { as, refetch, go }) {
  const signature = JSON.stringify([as, app, view && { ...view, state: null }]);
  if (signature === shown && node.dataset.home === app.id) return;
  shown = signature;
  node.dataset.home = app.id;
  const problem = h("p", { class: "message-problem", role: "alert", hidden: true });
  const fail = (words) => {
    problem.textContent = words;
    problem.hidden = !words;
  };
  fill(node, head(app, go), h("div", { class: "home-scroll" }, problem, body(app, view, { as, refetch, fail })));
}

export function forgetHome(node) {
  shown = null;
  delete node.dataset.home;
}

function head(app, go) {
  const direct = directWith(app);
  return h(
    "header",
    { class: "pane-head" },
    avatar({ name: app.name, isApp: true, color: person(app.bot_user_id)?.avatar_color }, "small"),
    h("h2", { class: "pane-title" }, app.name),
    h("span", { class: "pane-topic" }, app.connected ? "connected" : "not connected"),
    direct &&
      h(
        "button",
        { type: "button", class: "button button-small", onclick: () => go({ channel: direct.id, app: null }) },
        "Messages",
      ),
  );
}

function body(app, view, context) {
  if (!view) return h("p", { class: "empty" }, `${app.name} has published no Home for you yet.`);
  const surface = viewSurface(view, { ...context, remembered: remembered.get(view.id) ?? mapOf(view) });
  remembered.set(view.id, surface.values);
  return h("div", { class: "blocks home-blocks", dataset: { viewId: view.id } }, renderBlocks(view.blocks, surface));
}
