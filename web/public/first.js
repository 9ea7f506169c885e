// Runs before the first paint, so that the chosen theme and language do not flash in afterwards.
(function () {
  var root = document.documentElement;
  try {
    var theme = localStorage.getItem("veriscope.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    var language = localStorage.getItem("veriscope.language");
    root.lang = language === "en" || language === "vi" ? language : /^vi\b/i.test(navigator.language) ? "vi" : "en";
  } catch (_) {
    // storage is switched off: the system's theme and English it is
  }
})();
