// A menu closes by Escape, by a press beside it, and when the focus leaves; else by its own name.
"use strict";

{
  const openMenus = () => document.querySelectorAll("details.menu[open]");

  function closeThoseWithout(target) {
    for (const menu of openMenus()) {
      if (!menu.contains(target)) {
        menu.open = false;
      }
    }
  }

  document.addEventListener("pointerdown", (event) => closeThoseWithout(event.target));
  document.addEventListener("focusin", (event) => closeThoseWithout(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") {
      return;
    }
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
