// Begins a form with a template and keeps what was typed. Without this file the choice loads the page anew.

const choice = document.getElementById("start-from");
const form = document.getElementById("compose");
const said = choice.querySelector(".start-said");

choice.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = "";
  const address = new URL(location.href);
  address.search = new URLSearchParams(new FormData(choice));
  const page = await load(address);
  if (!page) {
    said.textContent = choice.dataset.failed;
    return;
  }
  const kept = fill(page.getElementById("compose"));
  choice.querySelector(".start-gaps").replaceChildren(...page.querySelector(".start-gaps").childNodes);
  said.textContent = kept.length ? `${choice.dataset.kept} ${kept.join(", ")}` : choice.dataset.filled;
  history.replaceState(null, "", address);
});

// The same screen, begun with the template: the server alone knows how to apply one.
async function load(address) {
  try {
    const answer = await fetch(address);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return answer.ok && page.getElementById("start-from") && page.getElementById("compose") ? page : null;
  } catch {
    return null;
  }
}

// Puts in the values of `other`, but for what was typed. Returns the labels of what was kept.
function fill(other) {
  form.querySelector('[name="template"]').value = other.querySelector('[name="template"]').value;
  const kept = new Set();
  addRows(other);
  for (const [field, controls] of fields(form)) {
    const theirs = controls.map((control) => partner(other, control));
    if (controls.some(isTyped)) {
      if (controls.some((control, place) => theirs[place] && valueOf(theirs[place]))) kept.add(labelOf(field, controls[0]));
      continue;
    }
    controls.forEach((control, place) => take(control, theirs[place]));
  }
  takeHints(other);
  return [...kept].filter(Boolean);
}

// Controls that are typed into together: the parts of a time, the choices of one question, a row, or all components.
function fields(inside) {
  const found = new Map();
  for (const control of inside.querySelectorAll("input, select, textarea")) {
    if (control.type === "hidden") continue;
    const field = control.closest(".row, .component-row, .field") ?? control;
    found.set(field, [...(found.get(field) ?? []), control]);
  }
  return found;
}

// What the reader of the screen knows the field by.
function labelOf(field, control) {
  const label = field.querySelector(":scope > legend, :scope > label") ?? control.labels?.[0];
  return [...(label?.childNodes ?? [])].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())?.data.trim() ?? "";
}

function partner(other, control) {
  const sameName = [...other.querySelectorAll(`[name="${CSS.escape(control.name)}"]`)];
  const isChoice = control.type === "radio";
  return sameName.find((candidate) => !isChoice || candidate.value === control.value);
}

function isTyped(control) {
  if (control.type === "radio" || control.type === "checkbox") return control.checked !== control.defaultChecked;
  if (control.tagName === "SELECT") return control.value !== startOf(control);
  return control.value !== control.defaultValue;
}

function startOf(select) {
  return ([...select.options].find((option) => option.defaultSelected) ?? select.options[0])?.value ?? "";
}

function valueOf(control) {
  return control.type === "radio" || control.type === "checkbox" ? control.checked : control.value;
}

// What was filled in counts as untouched: another template may replace it.
function take(control, from) {
  const before = valueOf(control);
  if (control.type === "radio" || control.type === "checkbox") {
    control.checked = control.defaultChecked = from?.checked ?? false;
  } else if (control.tagName === "SELECT") {
    const value = from?.value ?? "";
    for (const option of control.options) option.defaultSelected = option.selected = option.value === value;
  } else {
    control.value = control.defaultValue = from?.value ?? "";
  }
  if (valueOf(control) === before) return;
  const row = control.closest(".row");
  if (row) row.hidden = false;
  const fold = control.closest("details");
  if (fold && valueOf(control)) fold.open = true;
  // As if it had been typed: previews, weekdays and the like follow.
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

function addRows(other) {
  for (const rows of form.querySelectorAll("[data-rows]")) {
    const prefix = rows.dataset.rows;
    const total = document.getElementById(`id_${prefix}-TOTAL_FORMS`);
    const wanted = Number(other.querySelector(`#id_${CSS.escape(prefix)}-TOTAL_FORMS`)?.value ?? 0);
    const last = () => [...rows.querySelectorAll(":scope > .row")].at(-1);
    while (Number(total.value) < wanted) {
      const holder = document.createElement("div");
      holder.innerHTML = rows.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
      const row = holder.firstElementChild;
      row.hidden = true;
      last().after(row);
      total.value = Number(total.value) + 1;
    }
  }
}

// "Empty: 3 h after the start." belongs to the template that was chosen.
function takeHints(other) {
  for (const field of form.querySelectorAll(".pair .field")) {
    const name = [...field.classList].find((word) => /^field-(work|avoid)_/.test(word));
    if (!name) continue;
    field.querySelector(":scope > .hint")?.remove();
    const hint = other.querySelector(`.${name} > .hint`);
    if (hint) field.append(hint.cloneNode(true));
  }
}
