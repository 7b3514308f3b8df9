/** The stack of modals of the person acting; the topmost is shown. */

import { post } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { appOf } from "./directory.js";
import { freshId, h, icon } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { mapOf, requireAck, valuesOf, viewSurface } from "./surface.js";

/** What the person typed so far, by view id, kept when the app updates the view. */
const remembered = new Map();

let shown = null;
let dialog = null;

/** Shows the top of the stack as fetched; `refetch` asks for a new fetch after an action. */
export function showStack(stack, { as, refetch, fail }) {
  const top = stack.at(-1);
  for (const id of remembered.keys()) if (!stack.some((view) => view.id === id)) remembered.delete(id);
  const signature = top ? JSON.stringify([as, { ...top, state: null }, stack.length]) : null;
  if (signature === shown) return;
  shown = signature;
  if (!top) return hide();
  draw(top, stack.length, { as, refetch, fail });
}

function hide() {
  dialog?.remove();
  dialog = null;
}

function draw(view, depth, context) {
  const node = open(view, depth, context);
  const isNew = dialog?.dataset.viewId !== view.id;
  const focused = isNew
    ? null
    : dialog.contains(document.activeElement) && document.activeElement.closest("[data-action-id]")?.dataset.actionId;
  const scrolled = isNew ? 0 : dialog.querySelector(".dialog-body").scrollTop;
  hide();
  dialog = node;
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(".dialog-body").scrollTop = scrolled;
  const target = focused ? dialog.querySelector(`[data-action-id="${CSS.escape(focused)}"]`) : firstFocus(view, dialog);
  (target?.matches("input, textarea, button, a") ? target : target?.querySelector("input, textarea"))?.focus();
}

function firstFocus(view, node) {
  const wanted = (view.blocks ?? [])
    .flatMap((block) => [block.element, block.accessory, ...(block.elements ?? [])])
    .find((element) => element?.focus_on_load);
  return wanted
    ? node.querySelector(`[data-action-id="${CSS.escape(wanted.action_id)}"]`)
    : node.querySelector(".dialog-body :is(input, textarea)");
}

function open(view, depth, context) {
  const surface = viewSurface(view, {
    ...context,
    remembered: remembered.get(view.id) ?? mapOf(view),
    fail: (words) => complain(words),
  });
  remembered.set(view.id, surface.values);
  const titleId = freshId("title");
  const banner = h("p", { class: "dialog-problem", role: "alert", hidden: true });
  const close = (all = false) =>
    act(() => post("view/close", { as: context.as, view_id: view.id, all: all || Boolean(view.clear_on_close) }));
  const submitButton =
    view.submit &&
    h(
      "button",
      {
        type: "submit",
        class: "button button-primary",
        disabled: Boolean(view.submit_disabled),
        dataset: { submit: "" },
      },
      plain(view.submit),
    );
  const body = h("div", { class: "dialog-body blocks" }, banner, renderBlocks(view.blocks, surface));
  const form = h(
    "form",
    { class: "dialog-form", novalidate: true },
    h(
      "header",
      { class: "dialog-head" },
      h("h2", { class: "dialog-title", id: titleId }, plain(view.title)),
      depth > 1 && h("span", { class: "quiet" }, `${depth} of 3`),
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => close(true) },
        icon("cross"),
      ),
    ),
    body,
    h(
      "footer",
      { class: "dialog-buttons" },
      h("span", { class: "dialog-app quiet" }, appName(view)),
      h(
        "button",
        { type: "button", class: "button", dataset: { close: "" }, onclick: () => close() },
        view.close ? plain(view.close) : submitButton ? "Cancel" : "Close",
      ),
      submitButton,
    ),
  );
  const node = h(
    "dialog",
    {
      class: "dialog dialog-modal",
      "aria-labelledby": titleId,
      dataset: { viewId: view.id, callbackId: view.callback_id },
    },
    form,
  );

  function complain(words) {
    banner.textContent = words;
    banner.hidden = !words;
  }

  /** Nothing in the modal can be pressed while `work` is under way. */
  async function act(work) {
    form.ariaBusy = "true";
    body.inert = true;
    banner.hidden = true;
    try {
      return await work();
    } catch (error) {
      complain(error.message);
      return null;
    } finally {
      form.ariaBusy = null;
      body.inert = false;
      await context.refetch();
    }
  }

  async function submit() {
    if (form.ariaBusy === "true") return;
    const answer = await act(() =>
      post("view/submit", { as: context.as, view_id: view.id, values: valuesOf(surface.values) }).then(requireAck),
    );
    showErrors(body, answer?.errors ?? {});
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  // Only the workspace closes a view: Escape asks it, and a dialog the browser closed anyway is shown again.
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    close();
  });
  node.addEventListener("cancel", (event) => event.preventDefault());
  node.addEventListener("close", () => node.isConnected && node.showModal());
  return node;
}

const appName = (view) => appOf(view)?.name ?? "";

function showErrors(body, errors) {
  for (const node of body.querySelectorAll("[data-input]")) {
    const line = node.querySelector(".input-error");
    const message = errors[node.parentElement.dataset.blockId];
    line.hidden = !message;
    line.textContent = message ?? "";
    node.classList.toggle("has-error", Boolean(message));
    node.querySelector("input, textarea")?.setAttribute("aria-invalid", String(Boolean(message)));
  }
  body.querySelector(".has-error :is(input, textarea)")?.focus();
}
