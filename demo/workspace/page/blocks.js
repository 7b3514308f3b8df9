/** Every Block Kit block as a node. */

import { fileCard } from "./files.js";
import { freshId, h, icon, image, link } from "./dom.js";
import { renderElement } from "./elements.js";
import { markdown } from "./markdown.js";
import { plain, text } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";
import { plan, taskCard } from "./tasks.js";
import { guarded, unknownBox } from "./unknown.js";

export function renderBlocks(blocks, surface) {
  return (Array.isArray(blocks) ? blocks : []).map((block, index) =>
    guarded(block, "block", () => renderBlock(block, index, surface)),
  );
}

function renderBlock(block, index, surface) {
  const make = BLOCKS[block?.type];
  if (!make) return unknownBox(block, "block");
  const named = { ...block, block_id: block.block_id ?? `block-${index}` };
  const node = h(
    "div",
    { class: `block block-${block.type}`, dataset: { blockId: named.block_id } },
    make(named, surface),
  );
  if (isBlank(node)) throw new Error("nothing in it can be seen");
  return node;
}

const isBlank = (node) => !node.textContent.trim() && !node.querySelector("hr, img, input, textarea, button");

const BLOCKS = {
  __proto__: null,
  header: (block) => h("div", { class: "header-text", role: "heading", "aria-level": 3 }, plain(block.text)),
  section,
  divider: () => h("hr"),
  context: (block) => h("div", { class: "context" }, (block.elements ?? []).map(contextPart)),
  actions: (block, surface) => h("div", { class: "actions" }, elements(block.elements, block, surface)),
  context_actions: (block, surface) =>
    h("div", { class: "actions actions-quiet" }, elements(block.elements, block, surface)),
  input,
  image: (block) =>
    h(
      "figure",
      { class: "figure" },
      block.title && h("figcaption", {}, plain(block.title)),
      image(block.image_url ?? block.slack_file?.url, block.alt_text, "figure-image"),
    ),
  rich_text: richText,
  markdown: (block) => h("div", { class: "markdown" }, markdown(block.text ?? "")),
  table,
  data_table: dataTable,
  plan,
  task_card: (block) => h("ol", { class: "tasks" }, taskCard(block)),
  file: (block, surface) =>
    fileCard(surface.fileOf(block) ?? { name: block.external_id, title: `Remote file ${block.external_id}` }),
  alert: (block) =>
    h(
      "div",
      { class: `alert alert-${block.level ?? "default"}` },
      icon(ALERT_ICONS[block.level] ?? "info"),
      h("div", { class: "text" }, text(block.text)),
    ),
  card,
  carousel: (block, surface) =>
    h(
      "div",
      { class: "carousel", role: "list" },
      (block.elements ?? []).map((each) =>
        h("div", { role: "listitem" }, card({ ...each, block_id: each.block_id ?? block.block_id }, surface)),
      ),
    ),
  container,
  video: (block) =>
    h(
      "figure",
      { class: "figure" },
      h("figcaption", {}, link(block.title_url ?? block.video_url, plain(block.title))),
      block.description && h("p", { class: "quiet" }, plain(block.description)),
      image(block.thumbnail_url, block.alt_text, "figure-image"),
    ),
};

const ALERT_ICONS = { warning: "warning", error: "cross", success: "check" };

const elements = (list, block, surface, options) =>
  (list ?? []).map((element) => guarded(element, "element", () => renderElement(element, block, surface, options)));

function section(block, surface) {
  const fields =
    block.fields &&
    h(
      "div",
      { class: "fields" },
      block.fields.map((field) => h("div", { class: "text" }, text(field))),
    );
  const body = h("div", { class: "section-body" }, block.text && h("div", { class: "text" }, text(block.text)), fields);
  const label = block.text ? plain(block.text).slice(0, 80) : undefined;
  const accessory =
    block.accessory && h("div", { class: "section-accessory" }, elements([block.accessory], block, surface, { label }));
  return h("div", { class: "section" }, body, accessory);
}

const contextPart = (element) =>
  element?.type === "image"
    ? image(element.image_url ?? element.slack_file?.url, element.alt_text, "context-image")
    : h("span", { class: "text" }, text(element));

function input(block, surface) {
  const label = plain(block.label);
  const [element] = elements([block.element], block, surface, { label, isInput: true });
  const control = element.matches("input, textarea") ? element : element.querySelector(".select-input");
  const errorId = freshId("error");
  if (control) control.id ||= freshId("field");
  control?.setAttribute("aria-describedby", errorId);
  return h(
    "div",
    { class: "input", dataset: { input: "" } },
    h(
      control ? "label" : "div",
      { class: "input-label", for: control?.id },
      label,
      block.optional && h("span", { class: "quiet" }, " (optional)"),
    ),
    element,
    h("p", { class: "input-error", id: errorId, role: "alert", hidden: true }),
    block.hint && h("p", { class: "input-hint" }, plain(block.hint)),
  );
}

function card(block, surface) {
  return h(
    "div",
    { class: "card" },
    block.hero_image && image(block.hero_image.image_url, block.hero_image.alt_text, "card-hero"),
    h(
      "div",
      { class: "card-head" },
      block.icon && image(block.icon.image_url, block.icon.alt_text, "context-image"),
      h(
        "div",
        {},
        block.title && h("div", { class: "card-title text" }, text(block.title)),
        block.subtitle && h("div", { class: "quiet text" }, text(block.subtitle)),
      ),
    ),
    block.body && h("div", { class: "text" }, text(block.body)),
    block.actions && h("div", { class: "actions" }, elements(block.actions, block, surface)),
  );
}

function container(block, surface) {
  const title = [
    block.icon && image(block.icon.image_url, block.icon.alt_text, "context-image"),
    block.title ? plain(block.title) : block.rich_text_title && richText(block.rich_text_title),
    block.subtitle && h("span", { class: "quiet" }, text(block.subtitle)),
  ];
  const children = h("div", { class: "blocks" }, renderBlocks(block.child_blocks, surface));
  if (block.is_collapsible === false)
    return h("div", { class: "container" }, h("div", { class: "container-title" }, title), children);
  return h(
    "details",
    { class: "container", open: !block.default_collapsed },
    h("summary", { class: "container-title" }, title),
    children,
  );
}
