/** Block Kit's select elements: what they offer, and the value that each hands back. */

import { channels, conversationName, nameOf, people } from "./directory.js";
import { plain } from "./mrkdwn.js";
import { combobox, filtered } from "./select.js";

const ofOption = (option) => ({
  key: option.value,
  text: plain(option.text),
  description: option.description && plain(option.description),
  raw: option,
});
const ofGroup = (group) => ({ label: plain(group.label), options: (group.options ?? []).map(ofOption) });
const groupsOf = (element) =>
  element.option_groups?.map(ofGroup) ?? [{ options: (element.options ?? []).map(ofOption) }];

const everyone = () =>
  people()
    .filter((each) => each.kind !== "deactivated")
    .map((each) => ({ key: each.id, text: nameOf(each), description: each.title, raw: each.id }));
const asOption = (conversation) => ({
  key: conversation.id,
  text: (conversation.is_im ? "" : "#") + conversationName(conversation),
  raw: conversation.id,
});
const conversations = (element) =>
  channels()
    .filter((each) => isIncluded(each, element.filter))
    .map(asOption);
const isIncluded = (conversation, filter) =>
  !filter?.include ||
  filter.include.includes(conversation.is_im ? "im" : conversation.is_private ? "private" : "public");
const publicChannels = () =>
  channels()
    .filter((each) => !each.is_im)
    .map(asOption);

const listed = (options) => async (query, element) => filtered([{ options: options(element) }], query);

const KINDS = {
  __proto__: null,
  static_select: { stem: "option", load: async (query, element) => filtered(groupsOf(element), query) },
  external_select: { stem: "option", load: external },
  users_select: { stem: "user", load: listed(everyone), lookup: everyone },
  conversations_select: { stem: "conversation", load: listed(conversations), lookup: conversations },
  channels_select: { stem: "channel", load: listed(publicChannels), lookup: publicChannels },
};

async function external(query, element, block, surface) {
  const least = element.min_query_length ?? 3;
  if (query.length < least) return [{ label: `Type at least ${least} letter${least === 1 ? "" : "s"}`, options: [] }];
  return groupsOf(await surface.options(element, block, query));
}

export const isSelect = (type) => String(type).replace(/^multi_/, "") in KINDS;

/** The value a select starts with, in the shape of view.state.values. */
export function initialSelection(element) {
  const isMultiple = element.type.startsWith("multi_");
  const { stem } = KINDS[element.type.replace(/^multi_/, "")];
  const name = isMultiple ? `${stem}s` : stem;
  return { [`selected_${name}`]: element[`initial_${name}`] ?? (isMultiple ? [] : null) };
}

export function selectElement(element, block, surface, { label, value, change, dataset }) {
  const isMultiple = element.type.startsWith("multi_");
  const { stem, load, lookup } = KINDS[element.type.replace(/^multi_/, "")];
  const field = `selected_${isMultiple ? `${stem}s` : stem}`;
  const raws = [value[field]].flat().filter(Boolean);
  const known = (raw) =>
    lookup?.(element).find((each) => each.key === raw) ??
    (typeof raw === "string" ? { key: raw, text: raw, raw } : ofOption(raw));
  return combobox({
    label,
    placeholder: element.placeholder ? plain(element.placeholder) : "Choose …",
    multiple: isMultiple,
    max: element.max_selected_items,
    chosen: raws.map(known),
    load: (query) => load(query, element, block, surface),
    change: (options) => change({ [field]: isMultiple ? options.map((each) => each.raw) : (options[0]?.raw ?? null) }),
    dataset,
  });
}
