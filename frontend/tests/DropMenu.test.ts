import DropMenu from "@/components/DropMenu.vue";
import { mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { nextTick } from "vue";

function menu() {
  const slots = {
    button: "Theme",
    default: '<button class="dropdown-item one">1</button><button class="dropdown-item two">2</button>',
  };
  return mount(DropMenu, { props: { label: "Theme" }, slots, attachTo: document.body });
}

test("the button says whether its list is open", async () => {
  const wrapper = menu();
  const button = wrapper.get("button");
  expect(button.attributes("aria-expanded")).toBe("false");
  await button.trigger("click");
  expect(button.attributes("aria-expanded")).toBe("true");
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(true);
});

test("a choice closes it", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("click");
  await wrapper.get(".two").trigger("click");
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(false);
});

test("arrows walk through it in a circle, Escape leads back to the button", async () => {
  const wrapper = menu();
  const button = wrapper.get("button");
  await button.trigger("click");
  await button.trigger("keydown", { key: "ArrowDown" });
  expect(document.activeElement?.textContent).toBe("1");
  await wrapper.get(".one").trigger("keydown", { key: "ArrowUp" });
  expect(document.activeElement?.textContent).toBe("2");
  await wrapper.get(".two").trigger("keydown", { key: "Escape" });
  expect(document.activeElement).toBe(button.element);
  expect(button.attributes("aria-expanded")).toBe("false");
});

test("an arrow opens it, upwards at its end", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("keydown", { key: "ArrowUp" });
  await nextTick();
  expect(document.activeElement?.textContent).toBe("2");
});

test("it closes when the focus goes elsewhere", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("click");
  await wrapper.get(".one").trigger("focusout", { relatedTarget: document.body });
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(false);
});
