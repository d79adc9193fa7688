// Comforts for the composing screens: what each of them does stands in a module of its own. Without them all still works.

import { keepCopies } from "./kept_copy.js";
import { suggestLinks } from "./link_suggestions.js";
import { followPreview } from "./live_preview.js";
import { tendRows } from "./rows.js";
import { sendCarefully } from "./sending.js";
import { tendTimes } from "./wall_times.js";
import { word } from "./words.js";

const CLOSED = ["resolved", "postmortem", "completed", "cancelled"];

const form = document.getElementById("compose");
let isDirty = false;

function markUnsaved(isKept) {
  isDirty = true;
  let note = form.querySelector(".unsaved");
  if (!note) {
    note = document.createElement("span");
    note.className = "unsaved";
    form.querySelector(".compose-acts").append(note);
  }
  note.textContent = word(isKept ? "kept" : "unsaved");
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
  form.querySelectorAll("[data-rows]").forEach(tendRows);
  tendTimes(form);
  suggestLinks(form);
  followStatus();
  const keep = keepCopies(form, markUnsaved);
  followPreview(form, document.getElementById("preview"));
  sendCarefully(form, { before: keep, after: () => { isDirty = false; } });
  form.addEventListener("input", () => markUnsaved(false));
  form.addEventListener("change", (event) => {
    if (event.target.name === "status") followStatus();
  });
  if (form.dataset.isUnsaved) markUnsaved(false);
  window.addEventListener("beforeunload", (event) => {
    if (isDirty) event.preventDefault();
  });
}
