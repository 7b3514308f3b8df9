/** One message of a conversation. */

import { fileCard } from "./files.js";
import { renderBlocks } from "./blocks.js";
import { authorOf, avatar, me } from "./directory.js";
import { fragment, h, icon, image, link } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { mrkdwn, plain, text } from "./mrkdwn.js";
import { menuButton } from "./popup.js";
import { messageSurface } from "./surface.js";
import { clock, dateOf, full, moment } from "./time.js";
import { guarded } from "./unknown.js";

/** `actions`: { as, channel, openThread(ts) or null, shortcuts, runShortcut(shortcut, message) }. */
export function renderMessage(message, { isFollowUp, actions }) {
  const author = authorOf(message);
  const date = dateOf(message.ts);
  const surface = messageSurface(message, actions);
  const body = h(
    "div",
    { class: "message-body" },
    message.is_ephemeral && h("div", { class: "only-you" }, icon("eye"), "Only visible to you"),
    message.subtype === "thread_broadcast" && h("div", { class: "only-you" }, icon("reply"), "Also sent from a thread"),
    !isFollowUp && headline(message, author, date),
    h(
      "div",
      { class: "message-content" },
      guarded(message, "message", () => content(message, surface)),
    ),
    surface.problem,
    reactions(message),
    threadSummary(message, actions),
  );
  const gutter = h(
    "div",
    { class: "message-gutter" },
    isFollowUp
      ? h("time", { class: "gutter-time", datetime: date.toISOString(), title: full(date) }, clock(date))
      : avatar(author),
  );
  const classes = ["message", isFollowUp && "message-follow-up", message.is_ephemeral && "message-ephemeral"]
    .filter(Boolean)
    .join(" ");
  return h(
    "article",
    {
      class: classes,
      dataset: { ts: message.ts, userId: author.id, ephemeral: message.is_ephemeral ? "true" : null },
      "aria-label": `${author.name}, ${clock(date)}`,
    },
    gutter,
    body,
    toolbar(message, actions),
  );
}

function headline(message, author, date) {
  return h(
    "div",
    { class: "message-head" },
    h("span", { class: "author" }, author.name),
    author.isApp && h("span", { class: "badge" }, "app"),
    h("time", { class: "message-time", datetime: date.toISOString(), title: full(date) }, clock(date)),
  );
}

function content(message, surface) {
  const main = message.blocks?.length
    ? h("div", { class: "blocks" }, renderBlocks(message.blocks, surface))
    : message.text && h("div", { class: "text" }, written(message));
  return fragment(
    main,
    message.edited && h("span", { class: "edited", title: full(dateOf(message.edited.ts)) }, "(edited)"),
    (message.attachments ?? []).map((each) => guarded(each, "attachment", () => attachment(each, surface))),
    message.files?.length > 0 &&
      h(
        "div",
        { class: "files" },
        message.files.map((file) => guarded(file, "file", fileCard)),
      ),
  );
}

function written(message) {
  const isSystem =
    message.subtype && !["bot_message", "file_share", "me_message", "thread_broadcast"].includes(message.subtype);
  const words = message.mrkdwn === false ? plain({ text: message.text }) : mrkdwn(message.text);
  return isSystem ? h("span", { class: "quiet" }, words) : words;
}

const COLORS = { __proto__: null, good: "var(--good)", warning: "var(--warn)", danger: "var(--bad)" };
const safeColor = (color) =>
  COLORS[color] ?? (/^#?[0-9a-f]{6}$/i.test(color ?? "") ? `#${color.replace("#", "")}` : null);

function attachment(given, surface) {
  const node = h(
    "div",
    { class: "attachment" },
    given.pretext && h("div", { class: "text" }, mrkdwn(given.pretext)),
    given.blocks ? h("div", { class: "blocks" }, renderBlocks(given.blocks, surface)) : classic(given),
  );
  const color = safeColor(given.color);
  if (color) node.style.borderInlineStartColor = color;
  return node;
}

function classic(given) {
  const shown = given.title || given.text || given.fields?.length || given.image_url;
  return fragment(
    given.author_name && h("div", { class: "quiet" }, withEmoji(given.author_name)),
    given.title &&
      h(
        "div",
        { class: "attachment-title" },
        given.title_link ? link(given.title_link, plain({ text: given.title })) : mrkdwn(given.title),
      ),
    given.text && h("div", { class: "text" }, mrkdwn(given.text)),
    given.fields &&
      h(
        "div",
        { class: "fields" },
        given.fields.map((field) =>
          h(
            "div",
            { class: field.short ? "text" : "text field-long" },
            h("strong", {}, plain({ text: field.title })),
            "\n",
            mrkdwn(field.value ?? ""),
          ),
        ),
      ),
    given.image_url && image(given.image_url, given.fallback, "figure-image"),
    !shown && h("div", { class: "text" }, text({ type: "plain_text", text: given.fallback ?? "" })),
    given.footer && h("div", { class: "quiet" }, mrkdwn(given.footer), given.ts && ` · ${moment(dateOf(given.ts))}`),
  );
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  const mine = (reaction) => reaction.users?.includes(me()?.id);
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map((reaction) =>
      h(
        "span",
        {
          class: `reaction${mine(reaction) ? " is-mine" : ""}`,
          title: `:${reaction.name}:`,
          dataset: { reaction: reaction.name },
        },
        emoji(reaction.name) ?? `:${reaction.name}:`,
        h("span", { class: "reaction-count" }, String(reaction.count ?? reaction.users?.length ?? 1)),
      ),
    ),
  );
}

function threadSummary(message, { openThread }) {
  if (!message.reply_count || !openThread) return null;
  const last = message.latest_reply && `Last reply ${moment(dateOf(message.latest_reply))}`;
  const replies = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  return h(
    "button",
    { type: "button", class: "thread-summary", dataset: { thread: message.ts }, onclick: () => openThread(message.ts) },
    (message.reply_users ?? []).slice(0, 4).map((id) => avatar(authorOf({ user: id }), "tiny")),
    h("span", { class: "thread-count" }, replies),
    h("span", { class: "quiet" }, last),
  );
}

function toolbar(message, { openThread, shortcuts, runShortcut }) {
  const reply =
    openThread &&
    !message.is_ephemeral &&
    h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Reply in thread",
        title: "Reply in thread",
        onclick: () => openThread(message.thread_ts ?? message.ts),
      },
      icon("reply"),
    );
  const items = shortcuts.map((shortcut) => ({
    text: shortcut.name,
    description: shortcut.description,
    pick: () => runShortcut(shortcut, message),
  }));
  const more =
    items.length > 0 && !message.is_ephemeral && menuButton({ label: "More actions", symbol: "more", items });
  return reply || more ? h("div", { class: "toolbar" }, reply, more) : null;
}

/** One line for the screen reader. */
export const spoken = (message) => `${authorOf(message).name}: ${plain({ text: message.text ?? "" }).slice(0, 200)}`;
