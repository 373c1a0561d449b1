"use strict";
(function () {
  var tests = Array.prototype.slice.call(document.querySelectorAll("details.test"));
  function reveal() {
    var at = location.hash && document.getElementById(location.hash.slice(1));
    var test = at && at.closest("details.test");
    if (test) { test.open = true; test.hidden = false; at.scrollIntoView(); }
  }
  addEventListener("hashchange", reveal);
  reveal();
  var shut = [];
  addEventListener("beforeprint", function () {
    shut = Array.prototype.filter.call(document.querySelectorAll("details.test"), function (d) { return !d.open; });
    shut.forEach(function (d) { d.open = true; });
  });
  addEventListener("afterprint", function () { shut.forEach(function (d) { d.open = false; }); });
  function button(text, press) {
    var made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", function () {
      var on = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(on));
      press(on);
    });
    return made;
  }
  var tools = document.createElement("div");
  tools.className = "tools";
  tools.append(
    button("Only what did not pass", function (on) {
      tests.forEach(function (t) { t.hidden = on && (t.classList.contains("pass") || t.classList.contains("skipped")); });
    }),
    button("Open all", function (on) { tests.forEach(function (t) { t.open = on; }); })
  );
  document.getElementById("tests").after(tools);
})();
