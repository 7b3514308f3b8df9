/** The standard Markdown of a `markdown` block as DOM nodes. */

import { fragment, h, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelMention, decoded, groupMention, mention, personMention } from "./mrkdwn.js";

export function markdown(source) {
  const rows = String(source).replace(/\r\n?/g, "\n").split("\n");
  const nodes = [];
  while (rows.length) {
    const block = BLOCKS.find(({ starts }) => starts(rows)) ?? PARAGRAPH;
    nodes.push(block.take(rows));
  }
  return fragment(nodes);
}

const LIST = /^(\s*)([-*+]|\d+[.)]) +(.*)$/;
const FENCE = /^\s*(```|~~~)/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const BLOCKS = [
  { starts: ([row]) => row.trim() === "", take: (rows) => void rows.shift() },
  { starts: ([row]) => FENCE.test(row), take: fence },
  { starts: ([row]) => /^#{1,6} /.test(row), take: heading },
  { starts: ([row]) => /^\s*([-*_])(\s*\1){2,}\s*$/.test(row), take: (rows) => (rows.shift(), h("hr")) },
  { starts: ([row]) => row.startsWith(">"), take: quote },
  { starts: ([row, next]) => row.includes("|") && next !== undefined && TABLE_RULE.test(next), take: table },
  { starts: ([row]) => LIST.test(row), take: (rows) => list(rows, indentOf(rows[0])) },
];

const PARAGRAPH = {
  take(rows) {
    const taken = [rows.shift()];
    while (rows.length && !BLOCKS.some(({ starts }) => starts(rows))) taken.push(rows.shift());
    return h(
      "p",
      {},
      taken.flatMap((row, index) => [index > 0 && "\n", ...spans(row)]),
    );
  },
};

function fence(rows) {
  const [, mark] = FENCE.exec(rows.shift());
  const taken = [];
  while (rows.length && !rows[0].trim().startsWith(mark)) taken.push(rows.shift());
  rows.shift();
  return h("pre", {}, decoded(taken.join("\n")));
}

function heading(rows) {
  const [, marks, title] = /^(#{1,6}) +(.*?)\s*#*$/.exec(rows.shift());
  return h(
    "div",
    { class: `md-heading md-heading-${marks.length}`, role: "heading", "aria-level": Math.min(marks.length + 2, 6) },
    spans(title),
  );
}

function quote(rows) {
  const taken = [];
  while (rows.length && rows[0].startsWith(">")) taken.push(rows.shift().replace(/^> ?/, ""));
  return h("blockquote", {}, markdown(taken.join("\n")));
}

const cells = (row) =>
  row
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function table(rows) {
  const head = cells(rows.shift());
  const align = cells(rows.shift()).map((rule) =>
    rule.endsWith(":") ? (rule.startsWith(":") ? "center" : "right") : "left",
  );
  const body = [];
  while (rows.length && rows[0].includes("|")) body.push(cells(rows.shift()));
  const line = (tag, row) =>
    h(
      "tr",
      {},
      row.map((cell, column) => h(tag, { class: `align-${align[column] ?? "left"}` }, spans(cell))),
    );
  return h(
    "div",
    { class: "table-scroll" },
    h(
      "table",
      { class: "data-table" },
      h("thead", {}, line("th", head)),
      h(
        "tbody",
        {},
        body.map((row) => line("td", row)),
      ),
    ),
  );
}

const indentOf = (row) => /^\s*/.exec(row)[0].length;

function list(rows, indent) {
  const ordered = /^\s*\d/.test(rows[0]);
  const node = h(ordered ? "ol" : "ul", ordered ? { start: Number.parseInt(rows[0], 10) } : {});
  while (rows.length && LIST.test(rows[0]) && indentOf(rows[0]) >= indent) {
    if (indentOf(rows[0]) > indent + 1 && node.lastChild) node.lastChild.append(list(rows, indentOf(rows[0])));
    else node.append(listItem(LIST.exec(rows.shift())[3]));
  }
  return node;
}

function listItem(content) {
  const [, state, rest] = /^\[([ xX])\] (.*)$/.exec(content) ?? [];
  if (state === undefined) return h("li", {}, spans(content));
  return h("li", { class: "md-task" }, state === " " ? "☐ " : "☑ ", spans(rest));
}

const wrapped =
  (tag, group = 1) =>
  (match) =>
    h(tag, {}, spans(match[group]));

const SPANS = [
  { pattern: /\\([\\`*_{}[\]()#+\-.!~|>])/y, make: (match) => match[1] },
  { pattern: /``([^\n]+?)``|`([^`\n]+)`/y, make: (match) => h("code", {}, decoded((match[1] ?? match[2]).trim())) },
  {
    pattern: /!?\[([^\]\n]*)\]\(([^()\s]*(?:\([^()\s]*\))?[^()\s]*)\)/y,
    make: (match) => link(decoded(match[2]), spans(match[1] || match[2])),
  },
  { pattern: /\*\*(\S(?:.*?\S)?)\*\*/y, make: wrapped("strong") },
  { pattern: /__(\S(?:.*?\S)?)__(?!\w)/y, make: wrapped("strong"), wordStart: true },
  { pattern: /~~(\S(?:.*?\S)?)~~/y, make: wrapped("s") },
  { pattern: /\*([^\s*](?:[^*]*[^\s*])?)\*/y, make: wrapped("em") },
  { pattern: /_([^\s_](?:[^_]*[^\s_])?)_(?!\w)/y, make: wrapped("em"), wordStart: true },
  { pattern: /<@(\w+)>/y, make: (match) => personMention(match[1]) },
  { pattern: /<#(\w+)(?:\|([^>]*))?>/y, make: (match) => channelMention(match[1], match[2]) },
  { pattern: /<!subteam\^(\w+)(?:\|([^>]*))?>/y, make: (match) => groupMention(match[1], match[2]) },
  { pattern: /<!(here|channel|everyone)>/y, make: (match) => mention(`@${match[1]}`, { range: match[1] }) },
  { pattern: /<(https?:[^<>\s]+)>/y, make: (match) => link(decoded(match[1])) },
  {
    pattern: /https?:\/\/[^\s<>|`*]*[^\s<>|`*.,:;!?)"'\]]/y,
    make: (match) => link(decoded(match[0])),
    wordStart: true,
  },
  { pattern: /:([a-z0-9_+-]+):/y, make: (match) => emoji(match[1]) ?? null },
];

function spanAt(source, position) {
  for (const { pattern, make, wordStart } of SPANS) {
    pattern.lastIndex = position;
    const match = pattern.exec(source);
    if (!match || (wordStart && /\w/.test(source[position - 1] ?? ""))) continue;
    const node = make(match);
    if (node !== null) return { node, end: position + match[0].length };
  }
  return null;
}

function spans(source) {
  const nodes = [];
  let start = 0;
  for (let position = 0; position < source.length;) {
    const found = /[\\`!*_~<:h[]/.test(source[position]) ? spanAt(source, position) : null;
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
