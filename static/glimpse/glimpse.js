// Copy buttons. Everything else works without this file.
"use strict";

const SHOWN_FOR = 2000; // milliseconds

async function copy(text) {
  if (window.isSecureContext && navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // The clipboard API exists on https and this machine only; this older way works on http too.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) {
    throw new Error("the browser does not allow copying");
  }
}

function say(button, text) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = text;
  document.getElementById("announcer").textContent = text;
  window.setTimeout(() => {
    button.textContent = label;
  }, SHOWN_FOR);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) {
    return;
  }
  try {
    await copy(button.dataset.copy);
    button.focus();
    say(button, "Copied");
  } catch {
    // Left for the reader to copy by hand.
    button.parentElement.querySelector("input")?.select();
    say(button, "Press Ctrl+C");
  }
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("input.snippet")) {
    event.target.select();
  }
});
