{% autoescape off %}(function () {
  "use strict";
  var shown = {{ data }};
  var script = document.currentScript;
  if (!script || !script.parentNode) { return; }
  var host = document.createElement("div");
  var root = host.attachShadow({ mode: "open" });
  // A constructed sheet needs no style-src: it works where the site's CSP forbids inline styles.
  var sheet = new CSSStyleSheet();
  function colours(theme) {
    return "--dot:" + theme.dot + ";--text:" + theme.text + ";--background:" + theme.background + ";--border:" + theme.border;
  }
  sheet.replaceSync(
    ":host{display:inline-block;font:14px/1.4 system-ui,sans-serif;" + colours(shown.light) + "}" +
    "@media (prefers-color-scheme:dark){:host{" + colours(shown.dark) + "}}" +
    "div{display:inline-block;padding:8px 14px;border:1px solid var(--border);border-radius:8px;background:var(--background);color:var(--text)}" +
    "a{color:inherit}ul{margin:6px 0 0;padding:0;padding-inline-start:20px}" +
    "i{display:inline-block;width:10px;height:10px;margin-inline-end:8px;border-radius:50%;background:var(--dot)}"
  );
  root.adoptedStyleSheets = [sheet];
  function link(url, text) {
    var a = document.createElement("a");
    a.href = url;
    a.textContent = text;
    a.dir = "auto";
    return a;
  }
  var box = document.createElement("div");
  box.dir = "auto";
  box.appendChild(document.createElement("i"));
  box.appendChild(link(shown.url, shown.text));
  if (shown.notices.length) {
    var list = document.createElement("ul");
    shown.notices.forEach(function (notice) {
      var item = document.createElement("li");
      item.appendChild(link(notice.url, notice.title));
      item.appendChild(document.createTextNode(" (" + notice.status + ")"));
      list.appendChild(item);
    });
    box.appendChild(list);
  }
  root.appendChild(box);
  script.parentNode.insertBefore(host, script.nextSibling);
})();
{% endautoescape %}
