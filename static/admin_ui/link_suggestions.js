// Notices about the same components come first in the lists of links, also about those that are only being chosen.

import { word } from "./words.js";

export function suggestLinks(form) {
  form.addEventListener("change", (event) => {
    if (!event.target.name.startsWith("component-")) return;
    const chosen = [...form.querySelectorAll('select[name^="component-"]')].filter((select) => select.value);
    const ids = new Set(chosen.map((select) => select.name.slice("component-".length)));
    form.querySelectorAll("select[data-known]").forEach((list) => arrange(list, ids));
  });
}

function arrange(list, chosen) {
  const ids = new Set([...chosen, ...list.dataset.known.split(" ")]);
  const isShared = (option) => option.dataset.components?.split(" ").some((id) => id && ids.has(id));
  const words = word("shared");
  let shared = list.querySelector(`optgroup[label="${CSS.escape(words)}"]`);
  if (!shared) {
    shared = document.createElement("optgroup");
    shared.label = words;
    list.firstElementChild.after(shared);
  }
  const options = [...list.querySelectorAll("optgroup option")].sort((one, other) => one.dataset.place - other.dataset.place);
  options.forEach((option) => {
    const home = list.querySelector(`optgroup[label="${CSS.escape(option.dataset.home)}"]`);
    (isShared(option) ? shared : home ?? newGroup(list, option.dataset.home)).append(option);
  });
  shared.hidden = !shared.children.length;
}

function newGroup(list, label) {
  const group = document.createElement("optgroup");
  group.label = label;
  list.append(group);
  return group;
}
