// What every page of the site does by itself. The theme's own script handles the theme switch, the
// drawers on narrow screens and Ctrl+K; everything here is small, and the page reads well without
// it.

(() => {
  // A summary under a search result is cut out of the page it points to, and a page opened from
  // disk may not read others.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // A drawn formula says everything three times: MathML, its TeX source, and the boxes on screen. A
  // summary needs one.
  function keepOneVoiceOfFormulas() {
    if (typeof Search === "undefined") return;
    const original = Search.htmlToText;
    Search.htmlToText = (html, anchor) => {
      const page = new DOMParser().parseFromString(html, "text/html");
      const twice = page.querySelectorAll(".katex-html, annotation, noscript, style");
      for (const part of twice) part.remove();
      return original(page.documentElement.outerHTML, anchor);
    };
  }

  // Whatever scrolls sideways must be reachable by keyboard and have a name; whatever does not must
  // not be a tab stop.
  const SCROLLERS = [
    [".pst-scrollable-table-container", "Table, scrolls sideways"],
    ["div.math", "Formula, scrolls sideways"],
    [".cell_output .output", "Output, scrolls sideways"],
    ["div.highlight pre", "Code, scrolls sideways"],
  ];
  function nameScrollers() {
    for (const [selector, label] of SCROLLERS) {
      for (const box of /** @type {NodeListOf<HTMLElement>} */ (
        document.querySelectorAll(selector)
      )) {
        const scrolls =
          box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
        if (scrolls) {
          box.tabIndex = 0;
          box.setAttribute("role", "group");
          box.setAttribute("aria-label", label);
        } else if (box.getAttribute("aria-label") === label) {
          box.removeAttribute("tabindex");
          box.removeAttribute("role");
          box.removeAttribute("aria-label");
        }
      }
    }
  }

  // In the list of sections, marks the one being read: the last heading above the upper third of
  // the window.
  function followReading() {
    const links = document.querySelectorAll(".bd-toc-nav a[href^='#']");
    /** @type {[HTMLAnchorElement, HTMLElement][]} */
    const pairs = [];
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (links)) {
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (target) pairs.push([link, target]);
    }
    if (!pairs.length) return;
    let waiting = false;
    const mark = () => {
      waiting = false;
      /** @type {HTMLElement | null} */
      let current = null;
      for (const [link, target] of pairs) {
        if (target.getBoundingClientRect().top < innerHeight / 3) current = link;
      }
      for (const [link] of pairs) {
        link.classList.toggle("active", link === current);
        if (link === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
      for (const item of document.querySelectorAll(".bd-toc-nav li")) {
        item.classList.toggle("active", current !== null && item.contains(current));
      }
    };
    addEventListener(
      "scroll",
      () => {
        if (!waiting) requestAnimationFrame(mark);
        waiting = true;
      },
      { passive: true },
    );
    mark();
  }

  // On paper nothing can be unfolded, and nothing is dark.
  function unfoldForPrint() {
    /** @type {HTMLDetailsElement[]} */
    let folded = [];
    /** @type {string | undefined} */
    let theme;
    const page = document.documentElement;
    addEventListener("beforeprint", () => {
      folded = [...document.querySelectorAll("details")].filter((part) => !part.open);
      for (const part of folded) part.open = true;
      theme = page.dataset.theme;
      page.dataset.theme = "light";
    });
    addEventListener("afterprint", () => {
      for (const part of folded) part.open = false;
      page.dataset.theme = theme ?? "light";
    });
    document.querySelector("[data-print]")?.addEventListener("click", () => print());
  }

  document.addEventListener("DOMContentLoaded", () => {
    keepOneVoiceOfFormulas();
    followReading();
    unfoldForPrint();
    if (document.getElementById("search-results")) {
      /** @type {HTMLElement | null} */
      const field = document.querySelector("main form.bd-search input");
      field?.focus();
    }
    // A link into a folded solution opens it.
    const unfoldTarget = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const folded = target?.closest("details");
      if (folded && !folded.open) {
        folded.open = true;
        target?.scrollIntoView();
      }
    };
    unfoldTarget();
    addEventListener("hashchange", unfoldTarget);
  });
  // After the theme's script, which makes every block of code a tab stop or takes it out of the
  // order; ours names them.
  addEventListener("load", () => {
    nameScrollers();
    document.fonts?.ready.then(nameScrollers);
    let timer = 0;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(nameScrollers, 400);
    };
    addEventListener("resize", later);
    for (const part of document.querySelectorAll("details")) part.addEventListener("toggle", later);
  });
})();
