// The words of the composing screens, written by the server in the language of the page.

const words = document.getElementById("compose-words");

export function word(name) {
  return words?.content.querySelector(`[data-word="${name}"]`)?.textContent ?? "";
}
