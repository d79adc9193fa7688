// Beside each colour a field to choose it by eye; beside a refused one a button that takes the nearest one that is fine.

const words = document.getElementById("colour-words").dataset;

for (const input of document.querySelectorAll("[data-colour]")) {
  const picker = document.createElement("input");
  picker.type = "color";
  picker.className = "colour-picker";
  picker.setAttribute("aria-label", `${words.choose}: ${input.labels[0].textContent.replace(/:$/, "")}`);
  const follow = () => {
    picker.dataset.empty = String(!input.value);
    if (/^#[0-9a-f]{6}$/i.test(input.value)) picker.value = input.value;
  };
  picker.addEventListener("input", () => {
    input.value = picker.value;
    follow();
  });
  input.addEventListener("input", follow);
  follow();
  input.after(picker);
  offerNearest(input, follow);
}

function offerNearest(input, follow) {
  const error = document.getElementById(`${input.id}_error`) ?? input.closest(".form-row").querySelector(".errorlist");
  const named = error?.textContent.match(/#[0-9a-f]{6}/gi) ?? [];
  if (named.length < 2) return; // the last one is the suggestion; the first is what was typed
  const button = document.createElement("button");
  button.type = "button";
  button.className = "act";
  button.textContent = `${words.take} ${named.at(-1)}`;
  button.addEventListener("click", () => {
    input.value = named.at(-1);
    follow();
    input.focus();
  });
  error.querySelector("li:last-child").append(" ", button);
}
