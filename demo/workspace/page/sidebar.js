/** The left side: channels, direct messages, apps, and whom one acts as. */

import { appBehind, apps, avatar, channels, conversationName, directWith, nameOf, people } from "./directory.js";
import { fill, h, icon } from "./dom.js";

/** `here`: { as, channel, app }; `go(part)` changes where the page is. */
export function drawSidebar(node, state, here, go) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.focusKey : null;
  const [rooms, direct] = [
    channels().filter((each) => !each.is_im),
    channels().filter((each) => each.is_im && !appBehind(each)),
  ];
  fill(
    node,
    h(
      "div",
      { class: "team" },
      h("img", { src: "/page/icon.svg", alt: "", class: "team-mark" }),
      h("h1", { class: "team-name" }, state.team.name),
    ),
    h(
      "div",
      { class: "sidebar-scroll" },
      group(
        "Channels",
        rooms.map((each) => place(each, here, go)),
      ),
      direct.length > 0 &&
        group(
          "Direct messages",
          direct.map((each) => place(each, here, go)),
        ),
      apps().length > 0 &&
        group(
          "Apps",
          apps().map((each) => appEntry(each, here, go)),
        ),
    ),
    actAs(here, go),
  );
  if (focused) node.querySelector(`[data-focus-key="${CSS.escape(focused)}"]`)?.focus();
}

const group = (title, entries) =>
  h(
    "section",
    { class: "sidebar-group" },
    h("h2", { class: "sidebar-title" }, title),
    h(
      "ul",
      {},
      entries.map((entry) => h("li", {}, entry)),
    ),
  );

function place(conversation, here, go) {
  const isHere = here.channel === conversation.id && !here.app;
  const unread = isHere ? 0 : Number(conversation.unread ?? 0);
  const classes = ["entry", unread && "is-unread", conversation.is_member === false && "is-outside"]
    .filter(Boolean)
    .join(" ");
  return h(
    "button",
    {
      type: "button",
      class: classes,
      title: conversation.is_member === false ? "Not a member" : null,
      "aria-current": isHere ? "page" : null,
      dataset: { channelId: conversation.id, focusKey: conversation.id },
      onclick: () => go({ channel: conversation.id, thread: null, app: null }),
    },
    conversation.is_im ? imMark(conversation) : icon("hash"),
    h("span", { class: "entry-name" }, conversationName(conversation)),
    unreadMark(unread),
  );
}

const unreadMark = (unread) =>
  unread > 0 && h("span", { class: "unread" }, String(unread), h("span", { class: "visually-hidden" }, " unread"));

const imMark = (conversation) =>
  avatar(
    {
      name: conversationName(conversation),
      color: people().find((each) => each.id === conversation.user)?.avatar_color,
    },
    "tiny",
  );

function appEntry(app, here, go) {
  const status = app.connected ? "connected" : "not connected";
  const direct = directWith(app);
  const isHere = here.app === app.id || (!here.app && direct && here.channel === direct.id);
  const unread = isHere ? 0 : Number(direct?.unread ?? 0);
  const open = () => go(unread ? { channel: direct.id, app: null, thread: null } : { app: app.id, thread: null });
  return h(
    "button",
    {
      type: "button",
      class: `entry${unread ? " is-unread" : ""}`,
      "aria-current": isHere ? "page" : null,
      dataset: { appId: app.id, focusKey: app.id },
      onclick: open,
    },
    avatar(
      { name: app.name, isApp: true, color: people().find((each) => each.id === app.bot_user_id)?.avatar_color },
      "tiny",
    ),
    h("span", { class: "entry-name" }, app.name),
    unreadMark(unread),
    h(
      "span",
      { class: `dot${app.connected ? " dot-on" : ""}`, title: status },
      h("span", { class: "visually-hidden" }, status),
    ),
  );
}

function actAs(here, go) {
  const rows = people()
    .filter((each) => each.kind !== "bot")
    .map((each) => personRow(each, here, go));
  return h("fieldset", { class: "act-as" }, h("legend", { class: "sidebar-title" }, "Act as"), rows);
}

const MARKS = { guest: "guest", deactivated: "deactivated" };

function personRow(someone, here, go) {
  const input = h("input", {
    type: "radio",
    name: "act-as",
    value: someone.id,
    checked: someone.id === here.as,
    dataset: { as: someone.id, focusKey: `as ${someone.id}` },
    onchange: () => go({ as: someone.id }),
  });
  return h(
    "label",
    { class: `person person-${someone.kind}` },
    input,
    avatar({ name: nameOf(someone), color: someone.avatar_color }, "small"),
    h(
      "span",
      { class: "person-facts" },
      h("span", { class: "person-name" }, nameOf(someone)),
      h("span", { class: "person-title" }, MARKS[someone.kind] ?? someone.title),
    ),
  );
}
