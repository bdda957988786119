// Two conveniences; without them the pages lack nothing but the copy button.
"use strict";

const SHOWN_MS = 2000;

const announcer = document.createElement("p");
announcer.className = "visually-hidden";
announcer.setAttribute("role", "status");
document.body.append(announcer);

function copyFromTextarea(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}

async function copy(text) {
  // The clipboard is there in secure contexts only, and may be refused there, too.
  if (window.isSecureContext && navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // The old way may still be allowed.
    }
  }
  return copyFromTextarea(text);
}

const timers = new WeakMap();

function say(button, text) {
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  announcer.textContent = text;
  clearTimeout(timers.get(button));
  timers.set(
    button,
    setTimeout(() => {
      button.textContent = button.dataset.label;
      announcer.textContent = "";
    }, SHOWN_MS),
  );
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    const isCopied = await copy(button.dataset.copy);
    button.focus();
    const words = document.body.dataset;
    say(button, isCopied ? words.copied : words.notCopied);
  }
});

// The bar under the pointer or finger, in words below the chart; charts may be drawn anew.
const atRest = new WeakMap();

document.addEventListener("pointerover", (event) => {
  for (const chart of document.querySelectorAll("[data-chart]")) {
    const readout = chart.querySelector("[data-readout]");
    if (!readout) {
      continue;
    }
    if (!atRest.has(readout)) {
      atRest.set(readout, readout.textContent);
    }
    const bar = chart.contains(event.target) ? event.target.closest(".chart-bar") : null;
    const text = bar?.querySelector("title")?.textContent ?? atRest.get(readout);
    if (readout.textContent !== text) {
      readout.textContent = text;
    }
  }
});
