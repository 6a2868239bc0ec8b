import DropdownMenu from "@/components/DropdownMenu.vue";
import { mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { nextTick } from "vue";

function menu() {
  const slots = {
    button: "Theme",
    default: '<button class="dropdown-item one">1</button><button class="dropdown-item two">2</button>',
  };
  return mount(DropdownMenu, { props: { label: "Theme" }, slots, attachTo: document.body });
}

test("the button exposes whether the menu is open", async () => {
  const wrapper = menu();
  const button = wrapper.get("button");
  expect(button.attributes("aria-expanded")).toBe("false");
  await button.trigger("click");
  expect(button.attributes("aria-expanded")).toBe("true");
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(true);
});

test("a choice closes the menu", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("click");
  await wrapper.get(".two").trigger("click");
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(false);
});

test("arrow keys cycle through the items, Escape returns to the button", async () => {
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

test("the up arrow opens the menu at its last item", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("keydown", { key: "ArrowUp" });
  await nextTick();
  expect(document.activeElement?.textContent).toBe("2");
});

test("the menu closes when it loses the focus", async () => {
  const wrapper = menu();
  await wrapper.get("button").trigger("click");
  await wrapper.get(".one").trigger("focusout", { relatedTarget: document.body });
  expect(wrapper.get(".dropdown-menu").isVisible()).toBe(false);
});
