/** A list of messages that changes only where the messages changed. */

import { renderMessage, spoken } from "./message.js";
import { h } from "./dom.js";
import { dateOf, day, sameDay } from "./time.js";
import { guarded } from "./unknown.js";

const FOLLOW_UP_SECONDS = 300;
const BOTTOM_SLACK_PX = 60;

/** `announce(text)` hears each message that arrives after the first fill. */
export function timeline({ label, announce, empty }) {
  const list = h("div", { class: "timeline-list" });
  const jump = h(
    "button",
    { type: "button", class: "jump", hidden: true, onclick: () => toBottom() },
    "New messages below",
  );
  const scroller = h("div", { class: "timeline", tabIndex: 0, role: "region", "aria-label": label }, list);
  const node = h("div", { class: "timeline-frame" }, scroller, jump);
  const shown = new Map();
  let isFilled = false;

  const isAtBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < BOTTOM_SLACK_PX;
  const toBottom = () => (scroller.scrollTop = scroller.scrollHeight);
  scroller.addEventListener("scroll", () => isAtBottom() && (jump.hidden = true));
  // Images and opened details grow the list after it was drawn.
  new ResizeObserver(() => wasAtBottom && toBottom()).observe(list);
  let wasAtBottom = true;
  scroller.addEventListener("scroll", () => (wasAtBottom = isAtBottom()));

  function update(messages, actions) {
    const fresh = messages.filter((message) => isFilled && !shown.has(message.ts));
    const wasBottom = wasAtBottom;
    arrange(list, entries(messages, actions), shown, empty);
    if (!isFilled || wasBottom) toBottom();
    else if (fresh.length) jump.hidden = false;
    fresh.forEach((message) => announce(spoken(message)));
    isFilled = true;
  }

  return { node, update, toBottom };
}

function entries(messages, actions) {
  const result = [];
  let previous = null;
  for (const message of messages) {
    const isNewDay = !previous || !sameDay(dateOf(previous.ts), dateOf(message.ts));
    if (isNewDay) result.push(dayEntry(message));
    const isFollowUp = !isNewDay && follows(message, previous);
    result.push({
      key: message.ts,
      signature: JSON.stringify([message, isFollowUp]),
      make: () => guarded(message, "message", () => renderMessage(message, { isFollowUp, actions })),
    });
    previous = message;
  }
  return result;
}

function dayEntry(message) {
  const words = day(dateOf(message.ts));
  return {
    key: `day ${dateOf(message.ts).toDateString()}`,
    signature: words,
    make: () => h("div", { class: "day", role: "separator" }, h("span", {}, words)),
  };
}

function follows(message, previous) {
  const author = (each) => [each.user, each.bot_id, each.username, Boolean(each.is_ephemeral)].join();
  return (
    author(message) === author(previous) &&
    !message.is_ephemeral &&
    !previous.reply_count &&
    message.ts - previous.ts < FOLLOW_UP_SECONDS
  );
}

function arrange(list, wanted, shown, empty) {
  const keys = new Set(wanted.map((entry) => entry.key));
  for (const [key, { node }] of shown) {
    if (keys.has(key)) continue;
    node.remove();
    shown.delete(key);
  }
  let before = null;
  for (const entry of wanted) {
    const node = current(entry, shown);
    const next = before ? before.nextSibling : list.firstChild;
    if (node !== next) list.insertBefore(node, next);
    before = node;
  }
  list.querySelector(":scope > .empty")?.remove();
  if (!wanted.length) list.append(h("p", { class: "empty" }, empty));
}

function current(entry, shown) {
  const known = shown.get(entry.key);
  if (known?.signature === entry.signature) return known.node;
  const node = entry.make();
  if (known) replaceKeepingFocus(known.node, node);
  shown.set(entry.key, { signature: entry.signature, node });
  return node;
}

function replaceKeepingFocus(old, node) {
  const focused = old.contains(document.activeElement)
    ? document.activeElement.closest("[data-action-id]")?.dataset.actionId
    : null;
  old.replaceWith(node);
  if (focused) node.querySelector(`[data-action-id="${CSS.escape(focused)}"]`)?.focus();
}
