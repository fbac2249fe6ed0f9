// Copy buttons, tabs, the theme, the menu, and manners for the polled part. Every page works without this file.
(() => {
  const root = document.documentElement;
  const status = document.getElementById("announce");
  const say = (text) => {
    if (text && status && status.textContent !== text) status.textContent = text;
  };

  // Copy the exact text of an element; where the clipboard is closed to us, select it.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      return;
    }
    const word = button.querySelector("span");
    const before = button.dataset.word ?? (button.dataset.word = word.textContent);
    word.textContent = button.dataset.done;
    say("");
    say(button.dataset.done);
    setTimeout(() => { word.textContent = before; status.textContent = ""; }, 1600);
  });

  // Links to panels become ARIA tabs.
  for (const tabs of document.querySelectorAll(".tabs")) {
    const list = tabs.querySelector(".tabs-list");
    const links = [...list.querySelectorAll("a")];
    const panelOf = (link) => document.getElementById(link.hash.slice(1));
    const choose = (chosen) => {
      for (const link of links) {
        link.setAttribute("aria-selected", link === chosen);
        link.tabIndex = link === chosen ? 0 : -1;
        panelOf(link).hidden = link !== chosen;
      }
    };
    list.setAttribute("role", "tablist");
    links.forEach((link, at) => {
      const panel = panelOf(link);
      link.id = `tab-${panel.id}`;
      link.parentElement.setAttribute("role", "presentation");
      link.setAttribute("role", "tab");
      link.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", link.id);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        choose(link);
      });
      link.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: links.length - 1 - at }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = links[(at + step + links.length) % links.length];
        choose(next);
        next.focus();
      });
    });
    choose(links.find((link) => link.hash === location.hash)
      ?? links.find((link) => link.hasAttribute("data-first")) ?? links[0]);
  }

  // The theme changes in place; the form behind the button does the same with a page load.
  const themes = ["system", "light", "dark"];
  for (const form of document.querySelectorAll("[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      const theme = button.value;
      button.value = themes[(themes.indexOf(theme) + 1) % themes.length];
      if (theme === "system") delete root.dataset.theme;
      else root.dataset.theme = theme;
      for (const part of button.children) part.hidden = part.dataset.for !== theme;
      const secure = location.protocol === "https:" ? "; secure" : "";
      document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
      say(button.textContent.trim());
    });
  }

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest(".menu")));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // The polled part: nothing new, nothing swapped; the forms' tokens differ each time. A redirect means that the session
  // ended.
  let last = "";
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const answer = detail.serverResponse.replace(/(?<=name="csrfmiddlewaretoken" value=")\w+/g, "");
    const asked = new URL(detail.pathInfo.finalRequestPath, location.href);
    if (new URL(detail.xhr.responseURL).pathname !== asked.pathname) {
      detail.shouldSwap = false;
      location.reload();
    } else if (answer === last) {
      detail.shouldSwap = false;
    }
    last = answer;
  });
  document.addEventListener("htmx:afterSettle", () => {
    say(document.querySelector("[data-say]")?.dataset.say);
    for (const animation of document.getAnimations()) if (animation.animationName === "turn") animation.startTime = 0;
  });
})();
