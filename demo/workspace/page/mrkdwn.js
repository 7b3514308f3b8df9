/** Slack's mrkdwn as DOM nodes. */

import { channel, nameOf, person, usergroup } from "./directory.js";
import { fragment, h, link } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { dateOf, formatted, full } from "./time.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

export const decoded = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** A plain_text or mrkdwn object, or a bare string of mrkdwn. */
export function text(object) {
  if (object === null || object === undefined) return fragment();
  if (typeof object === "string") return mrkdwn(object);
  if (object.type === "mrkdwn") return mrkdwn(object.text ?? "", { verbatim: object.verbatim });
  return fragment(plain(object));
}

/** The characters of a plain_text object. */
export function plain(object) {
  const written = decoded(String(object?.text ?? ""));
  return object?.emoji === false ? written : withEmoji(written);
}

export function mrkdwn(source, options = {}) {
  const pieces = String(source).split(/```\n?([\s\S]+?)```\n?/);
  return fragment(pieces.map((piece, index) => (index % 2 ? preformatted(piece) : lines(piece, options))));
}

const preformatted = (piece) =>
  h(
    "pre",
    {},
    decoded(piece.replace(/\n$/, "")).replace(/<([^<>|]+)(?:\|([^<>]+))?>/g, (_, address, label) => label ?? address),
  );

const QUOTE = /^(?:&gt;|>) ?/;
const LIST_ITEM = /^(\s*)(•|◦|▪|-|\d+\.) (.*)$/;

function lines(piece, options) {
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, joined(quoted, options)));
    quoted = [];
  };
  const all = piece.split("\n");
  for (const [index, line] of all.entries()) {
    if (/^(?:&gt;|>){3}/.test(line)) {
      quoted.push(line.replace(/^(?:&gt;|>){3} ?/, ""), ...all.slice(index + 1));
      break;
    }
    if (QUOTE.test(line)) quoted.push(line.replace(QUOTE, ""));
    else {
      flush();
      nodes.push(lineOf(line, options), index < all.length - 1 && !LIST_ITEM.test(line) && "\n");
    }
  }
  flush();
  return nodes;
}

/** Slack shows a list's marker as it was typed; we hang the indent beside it. */
function lineOf(line, options) {
  const [, indent, marker, rest] = LIST_ITEM.exec(line) ?? [];
  if (!marker) return inline(line, options);
  const node = h(
    "span",
    { class: "hanging" },
    h("span", { class: "hanging-marker" }, marker),
    h("span", {}, inline(rest, options)),
  );
  node.style.marginInlineStart = `${Math.min(indent.length, 12) / 2}em`;
  return node;
}

const joined = (rows, options) => rows.flatMap((row, index) => [index > 0 && "\n", lineOf(row, options)]);

const emphasis = (tag) => (match, options) => h(tag, {}, inline(match[1], options));

const RULES = [
  { pattern: /<([^<>\n]+)>/y, make: (match, options) => angled(match[1], options) },
  {
    pattern: /`([^`\n]+)`/y,
    make: (match) =>
      h(
        "code",
        {},
        decoded(match[1]).replace(/<([^<>|]+)(?:\|([^<>]+))?>/g, (_, address, label) => label ?? address),
      ),
  },
  { pattern: /:([a-z0-9_+-]+)(?:::skin-tone-\d)?:/y, make: (match) => emoji(match[1]) ?? null },
  { pattern: /\*([^\s*](?:[^*\n]*[^\s*])?)\*/y, make: emphasis("strong"), wordBound: true },
  { pattern: /_([^\s_](?:[^_\n]*[^\s_])?)_/y, make: emphasis("em"), wordBound: true },
  { pattern: /~([^\s~](?:[^~\n]*[^\s~])?)~/y, make: emphasis("s"), wordBound: true },
  {
    pattern: /https?:\/\/[^\s<>|`*]*[^\s<>|`*.,:;!?)"'\]]/y,
    make: (match, options) => (options.verbatim ? null : link(decoded(match[0]))),
    wordBound: true,
  },
];

const isWord = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character);

function ruleAt(source, position, options) {
  for (const rule of RULES) {
    rule.pattern.lastIndex = position;
    const match = rule.pattern.exec(source);
    if (!match) continue;
    if (rule.wordBound && (isWord(source[position - 1]) || isWord(source[position + match[0].length]))) continue;
    const node = rule.make(match, options);
    if (node !== null) return { node, end: position + match[0].length };
  }
  return null;
}

export function inline(source, options = {}) {
  const nodes = [];
  let start = 0;
  for (let position = 0; position < source.length;) {
    const found = /[<`:*_~h]/.test(source[position]) ? ruleAt(source, position, options) : null;
    if (!found) {
      position += 1;
      continue;
    }
    nodes.push(decoded(source.slice(start, position)), found.node);
    position = start = found.end;
  }
  nodes.push(decoded(source.slice(start)));
  return nodes;
}

export const mention = (label, data) => h("span", { class: "mention", dataset: data }, label);
export const personMention = (id, label) => mention(`@${nameOf(person(id)) || label || id}`, { userId: id });
export const channelMention = (id, label) => mention(`#${channel(id)?.name || label || id}`, { channelId: id });
export const groupMention = (id, label) =>
  mention(`@${usergroup(id)?.handle || label?.replace(/^@/, "") || id}`, { usergroupId: id });

/** What stands between `<` and `>`. */
function angled(inside) {
  const [target, ...rest] = inside.split("|");
  const label = rest.length ? decoded(rest.join("|")) : undefined;
  if (target.startsWith("@")) return personMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), label);
  if (target.startsWith("!date^")) return dateMention(target, label);
  if (/^!(here|channel|everyone)$/.test(target)) return mention(`@${target.slice(1)}`, { range: target.slice(1) });
  if (target.startsWith("!")) return label ?? `<${decoded(inside)}>`;
  if (/^[a-z][a-z0-9+.-]*:/i.test(target))
    return link(decoded(target), label === undefined ? decoded(target).replace(/^mailto:/, "") : withEmoji(label));
  return `<${decoded(inside)}>`;
}

function dateMention(target, label) {
  const [, timestamp, pattern = "{date} {time}", address] = target.split("^");
  return dateNode(Number(timestamp), decoded(pattern), label, address && decoded(address));
}

export function dateNode(timestamp, pattern, fallback, address) {
  const date = dateOf(timestamp);
  if (Number.isNaN(date.getTime())) return fallback ?? "";
  const node = h("time", { datetime: date.toISOString(), title: full(date) }, formatted(timestamp, pattern));
  return address ? link(address, node) : node;
}
