// Comforts for the composing screens. Without this file everything still works.

const form = document.getElementById("compose");
const DOUBLE_CLICK_MS = 4000;
const CLOSED = ["resolved", "postmortem", "completed", "cancelled"];

let isDirty = false;
let submittedAt = 0;

function markUnsaved() {
  if (isDirty) return;
  isDirty = true;
  const note = document.createElement("span");
  note.className = "unsaved";
  note.textContent = form.dataset.unsaved;
  form.querySelector(".compose-acts").append(note);
}

// A second click within moments is not sent; the server would post it once anyway. Nothing stays blocked.
function onSubmit(event) {
  if (event.submitter?.formTarget === "preview") {
    showPreview();
    return;
  }
  if (Date.now() - submittedAt < DOUBLE_CLICK_MS) {
    event.preventDefault();
    return;
  }
  submittedAt = Date.now();
  isDirty = false;
}

function showPreview() {
  const frame = document.getElementById("preview");
  const top = frame.getBoundingClientRect().top;
  if (top > window.innerHeight * 0.8) frame.scrollIntoView({ block: "start" });
}

// The browser writes a date in its own order of numbers; the weekday beside it shows a slip at once. What the server
// said of the old time goes.
function showWeekday(field) {
  field.querySelector(".reads-as")?.remove();
  const input = field.querySelector("[data-day]");
  const note = field.querySelector(".weekday") ?? document.createElement("span");
  note.className = "weekday";
  input.parentElement.append(note);
  const day = new Date(`${input.value}T00:00Z`);
  const words = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
  note.textContent = Number.isNaN(day.valueOf()) ? "" : day.toLocaleDateString(document.documentElement.lang, words);
}

// Rows to spare are for those without this script; with it one is enough.
function tendRows(rows) {
  const spare = [...rows.querySelectorAll(":scope > .row")].filter(
    (row) => [...row.querySelectorAll("input, select")].every((control) => !control.value),
  );
  spare.slice(1).forEach((row) => { row.hidden = true; });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "act add-row";
  button.textContent = form.dataset.addRow;
  button.addEventListener("click", () => {
    const row = rows.querySelector(":scope > .row[hidden]") ?? newRow(rows, button);
    row.hidden = false;
    row.querySelector("input, select").focus();
  });
  rows.append(button);
}

function newRow(rows, button) {
  const total = document.getElementById(`id_${rows.dataset.rows}-TOTAL_FORMS`);
  const holder = document.createElement("div");
  holder.innerHTML = rows.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
  total.value = Number(total.value) + 1;
  const row = holder.firstElementChild;
  button.before(row);
  return row;
}

// A closing update promises no further one.
function followStatus() {
  const chosen = form.querySelector('input[name="status"]:checked');
  const next = form.querySelector(".field-next_update_by");
  if (chosen && next) next.hidden = CLOSED.includes(chosen.value);
  const outcome = form.querySelector(".field-data_outcome")?.closest("details");
  if (chosen && outcome && CLOSED.includes(chosen.value)) outcome.open = true;
}

if (form) {
  form.addEventListener("input", markUnsaved);
  form.addEventListener("submit", onSubmit);
  form.addEventListener("change", (event) => {
    const times = event.target.closest(".wall-time")?.parentElement;
    if (times) showWeekday(times);
    if (event.target.name === "status") followStatus();
  });
  form.querySelectorAll("[data-rows]").forEach(tendRows);
  followStatus();
  window.addEventListener("beforeunload", (event) => {
    if (isDirty) event.preventDefault();
  });
  window.addEventListener("pageshow", () => { submittedAt = 0; });
}
