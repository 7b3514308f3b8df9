/** Slack's rich_text blocks as DOM nodes. */

import { h, image, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelMention, dateNode, groupMention, mention, personMention } from "./mrkdwn.js";

export function richText(block) {
  return h("div", { class: "rich-text" }, (block?.elements ?? []).map(part));
}

const PARTS = {
  __proto__: null,
  rich_text_section: (element) => h("div", { class: "rich-section" }, leaves(element)),
  rich_text_quote: (element) => h("blockquote", {}, leaves(element)),
  rich_text_preformatted: (element) => h("pre", {}, leaves(element)),
  rich_text_list: list,
};

function part(element) {
  return (PARTS[element?.type] ?? unknownPart)(element);
}

const unknownPart = (element) => h("code", { class: "unknown-inline" }, JSON.stringify(element));

function list(element) {
  const tag = element.style === "ordered" ? "ol" : "ul";
  const start = tag === "ol" && element.offset ? element.offset + 1 : undefined;
  const node = h(
    tag,
    { class: `rich-list${element.border ? " rich-border" : ""}`, start },
    (element.elements ?? []).map((item) => h("li", {}, leaves(item))),
  );
  node.style.marginInlineStart = `${(element.indent ?? 0) * 1.5}em`;
  return node;
}

const leaves = (element) =>
  (element?.elements ?? []).map((leaf) => styled((LEAVES[leaf?.type] ?? unknownPart)(leaf), leaf?.style));

const LEAVES = {
  __proto__: null,
  text: (leaf) => leaf.text ?? "",
  link: (leaf) => link(leaf.url, leaf.text || leaf.url),
  emoji: (leaf) => emojiLeaf(leaf),
  user: (leaf) => personMention(leaf.user_id),
  channel: (leaf) => channelMention(leaf.channel_id),
  usergroup: (leaf) => groupMention(leaf.usergroup_id),
  team: (leaf) => mention(`@${leaf.team_id}`, { teamId: leaf.team_id }),
  broadcast: (leaf) => mention(`@${leaf.range}`, { range: leaf.range }),
  date: (leaf) => dateNode(leaf.timestamp, leaf.format, leaf.fallback, leaf.url),
  color: (leaf) => [swatch(leaf.value), leaf.value],
};

function emojiLeaf(leaf) {
  if (leaf.url) return image(leaf.url, `:${leaf.name}:`, "emoji-image");
  const points = leaf.unicode?.split("-").map((point) => Number.parseInt(point, 16));
  const isValid = points?.every((point) => point >= 0 && point <= 0x10ffff);
  return isValid ? String.fromCodePoint(...points) : (emoji(leaf.name) ?? `:${leaf.name}:`);
}

function swatch(value) {
  const node = h("span", { class: "swatch", "aria-hidden": "true" });
  node.style.backgroundColor = value;
  return node;
}

const STYLES = { code: "code", bold: "strong", italic: "em", strike: "s", underline: "u" };

function styled(content, style) {
  return Object.entries(STYLES).reduce((inner, [name, tag]) => (style?.[name] ? h(tag, {}, inner) : inner), content);
}
