// Rows of effects and links. Rows to spare are for those without this script; with it one is enough.

import { word } from "./words.js";

export function tendRows(rows) {
  const spare = [...rows.querySelectorAll(":scope > .row")].filter(
    (row) => [...row.querySelectorAll("input, select")].every((control) => !control.value),
  );
  spare.slice(1).forEach((row) => { row.hidden = true; });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "act add-row";
  button.textContent = word("add-row");
  button.addEventListener("click", () => {
    const row = rows.querySelector(":scope > .row[hidden]") ?? newRow(rows);
    row.hidden = false;
    row.querySelector("input, select").focus();
  });
  rows.append(button);
}

// As many rows as a form had that is brought back, and none of them hidden that holds something.
export function makeRoom(form, fields) {
  form.querySelectorAll("[data-rows]").forEach((rows) => {
    const name = rows.dataset.rows;
    const total = Number(new Map(fields).get(`${name}-TOTAL_FORMS`) ?? 0);
    while (Number(totalOf(rows).value) < total) newRow(rows);
    rows.querySelectorAll(":scope > .row").forEach((row, place) => {
      if (fields.some(([field, value]) => value && field.startsWith(`${name}-${place}-`))) row.hidden = false;
    });
  });
}

function totalOf(rows) {
  return document.getElementById(`id_${rows.dataset.rows}-TOTAL_FORMS`);
}

function newRow(rows) {
  const total = totalOf(rows);
  const holder = document.createElement("div");
  holder.innerHTML = rows.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
  total.value = Number(total.value) + 1;
  const row = holder.firstElementChild;
  rows.querySelector(".add-row").before(row);
  return row;
}
