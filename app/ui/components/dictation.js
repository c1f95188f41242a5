// Writes what was said into the question field, after what stands there. It draws nothing, and sends nothing: who asks
// reads it first.

let written = 0; // outlives the component, which is made anew on other pages

function write(text, tries) {
  const field = document.querySelector(".st-key-ask textarea");
  if (!field || field.disabled) { // while an answer runs the field is shut: the words wait for its end
    if (field || tries > 0) setTimeout(() => write(text, field ? tries : tries - 1), 100);
    return;
  }
  const before = field.value.trimEnd();
  const whole = (before ? `${before} ${text}` : text).slice(0, field.maxLength > 0 ? field.maxLength : undefined);
  const setter = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  setter.call(field, whole); // React keeps the value itself and notices only an event
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
  field.setSelectionRange(whole.length, whole.length);
}

export default function (component) {
  const { text, count } = component.data;
  if (count > written && text) write(text, 100);
  written = count;
}
