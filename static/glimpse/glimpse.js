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
    say(button, isCopied ? "Copied" : "Not copied");
  }
});

// The bar under the pointer or finger, in words below the chart.
for (const chart of document.querySelectorAll("[data-chart]")) {
  const readout = chart.querySelector("[data-readout]");
  const atRest = readout.textContent;
  chart.addEventListener("pointerover", (event) => {
    const label = event.target.closest(".chart-bar")?.querySelector("title")?.textContent;
    readout.textContent = label ?? atRest;
  });
  chart.addEventListener("pointerleave", () => {
    readout.textContent = atRest;
  });
}
