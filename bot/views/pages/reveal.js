// Shows a password while it is typed, and hides it again; without this script there is no such button.
"use strict";
for (const button of document.querySelectorAll("button[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  const labels = { password: button.textContent, text: button.dataset.hide };
  const turn = (type) => {
    field.type = type;
    button.textContent = labels[type];
  };
  button.addEventListener("click", () => {
    turn(field.type === "password" ? "text" : "password");
    field.focus();
  });
  // Browsers remember what was typed as text.
  field.form.addEventListener("submit", () => turn("password"));
  button.hidden = false;
}
