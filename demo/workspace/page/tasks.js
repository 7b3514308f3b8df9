/** Plans and their tasks: what was done, what runs, what waits. */

import { h, icon, link } from "./dom.js";
import { richText } from "./richtext.js";
import { guarded } from "./unknown.js";

const STATUS_WORDS = { __proto__: null, pending: "waiting", in_progress: "running", complete: "done", error: "failed" };
const STATUS_ICONS = { complete: "check", error: "cross" };

export function plan(block) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((task) => task?.status === "complete").length;
  return h(
    "section",
    { class: "plan" },
    h(
      "div",
      { class: "plan-head" },
      h("span", { class: "plan-title", role: "heading", "aria-level": 3 }, String(block.title ?? "")),
      h("span", { class: "plan-count" }, `${done} of ${tasks.length} done`),
    ),
    h(
      "ol",
      { class: "tasks" },
      tasks.map((task) => item(guarded(task, "task", taskCard))),
    ),
  );
}

const item = (node) => (node.matches("li") ? node : h("li", {}, node));

export function taskCard(task) {
  const status = task.status in STATUS_WORDS ? task.status : "pending";
  return h(
    "li",
    { class: `task task-${status}`, dataset: { taskId: task.task_id, status } },
    h(
      "span",
      { class: "task-mark", role: "img", "aria-label": STATUS_WORDS[status] },
      STATUS_ICONS[status] && icon(STATUS_ICONS[status]),
    ),
    h(
      "div",
      { class: "task-body" },
      h("div", { class: "task-title" }, String(task.title ?? "")),
      task.details && h("div", { class: "task-details" }, richText(task.details)),
      task.output && h("div", { class: "task-output" }, richText(task.output)),
      task.sources?.length > 0 &&
        h(
          "div",
          { class: "task-sources" },
          task.sources.map((source) => link(source.url, source.text ?? source.url)),
        ),
    ),
  );
}
