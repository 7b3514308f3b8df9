/** Who and what the workspace knows by id, as last fetched for the person acting. */

import { h } from "./dom.js";

const known = { people: new Map(), channels: new Map(), usergroups: new Map(), apps: [], clockOffsetMs: 0, me: null };

export function learn(state) {
  const byId = (items) => new Map((items ?? []).map((item) => [item.id, item]));
  known.people = byId(state.people);
  known.channels = byId(state.channels);
  known.usergroups = byId(state.usergroups);
  known.apps = state.apps ?? [];
  known.clockOffsetMs = (state.clock_offset_seconds ?? 0) * 1000;
  known.me = state.me;
}

/** The workspace's idea of now, which tests and the fault panel may move. */
export function now() {
  return new Date(Date.now() + known.clockOffsetMs);
}

export const me = () => known.me;
export const people = () => [...known.people.values()];
export const channels = () => [...known.channels.values()];
export const person = (id) => known.people.get(id);
export const channel = (id) => known.channels.get(id);
export const usergroup = (id) => known.usergroups.get(id);

export function nameOf(someone) {
  return someone?.real_name || someone?.name || "";
}

export function conversationName(conversation) {
  if (!conversation) return "";
  if (!conversation.is_im) return conversation.name;
  return nameOf(person(conversation.user)) || conversation.name;
}

/** The author of a message: a person, an app's bot user, or what the message says of itself. */
export function authorOf(message) {
  const found = person(message.user);
  const app = known.apps.find((each) => each.bot_user_id === message.user || each.bot_id === message.bot_id);
  const name = message.username || nameOf(found) || message.bot_profile?.name || app?.name || message.user || "unknown";
  const isApp = Boolean(message.bot_id) || found?.kind === "bot";
  return { id: message.user ?? message.bot_id, name, isApp, color: found?.avatar_color };
}

/** The app whose bot is the other side of a direct message. */
export const appBehind = (conversation) =>
  conversation?.is_im && known.apps.find((each) => each.bot_user_id === conversation.user);

export const directWith = (app) => channels().find((each) => each.is_im && each.user === app.bot_user_id);

export const apps = () => known.apps;
export const appOf = (view) => known.apps.find((each) => each.id === view.app_id) ?? known.apps[0];

export function avatar({ name, color, isApp }, size = "normal") {
  const node = h("span", {
    class: `avatar avatar-${size}${isApp ? " avatar-app" : ""}`,
    "aria-hidden": "true",
    dataset: { initials: initials(name) },
  });
  // A little darker than given, so that white letters can be read on any of them.
  node.style.backgroundColor = `color-mix(in srgb, ${color || colorOf(name)} 78%, black)`;
  return node;
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

function colorOf(name) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  return `hsl(${hue} 38% 42%)`;
}
