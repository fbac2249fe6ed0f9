// Before the first paint: styles may tell whether scripts run.
document.documentElement.classList.add("js");
