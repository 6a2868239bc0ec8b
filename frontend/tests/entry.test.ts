import { nextOf } from "@/router/next";
import { makeRouter } from "@/router";
import RegisterPage from "@/pages/RegisterPage.vue";
import SignInPage from "@/pages/SignInPage.vue";
import { useSession, type Session } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { createMemoryHistory, type Router } from "vue-router";
import { serve } from "./server";

const nobody: Session = {
  user: null,
  scopes: [],
  registration: true,
  anonymous: true,
  password_min_length: 12,
  providers: [{ name: "google", title: "Google", login_url: "/auth/external/google/login" }],
};
const corey: Session = {
  ...nobody,
  user: { id: 7, username: "corey", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
};

async function open(page: typeof SignInPage | typeof RegisterPage, path: string): Promise<[VueWrapper, Router]> {
  const router = makeRouter(createMemoryHistory());
  await router.push(path);
  const wrapper = mount(page, { global: { plugins: [router] } });
  await flushPromises();
  return [wrapper, router];
}

async function fill(wrapper: VueWrapper, ...values: string[]): Promise<void> {
  const inputs = wrapper.findAll("input");
  for (const [place, value] of values.entries()) await inputs[place]?.setValue(value);
  await wrapper.find("form").trigger("submit");
  await flushPromises();
}

test("who signs in goes on to where they wanted to be", async () => {
  const asked = serve({
    "GET /api/v1/session": { body: nobody },
    "POST /api/v1/session": { status: 201, body: corey },
  });
  const [page, router] = await open(SignInPage, "/sign-in?next=/top");
  await fill(page, "corey", "correct horse staple");
  await vi.waitFor(() => {
    expect(asked).toHaveLength(2);
  });
  expect(await asked[1]?.json()).toEqual({ username: "corey", password: "correct horse staple" });
  await vi.waitFor(() => {
    expect(useSession().user?.username).toBe("corey");
    expect(router.currentRoute.value.fullPath).toBe("/top");
  });
});

test("a wrong password says what to do and is not left standing", async () => {
  const wrong = { code: "invalid_login", detail: "Unable to log in with provided credentials." };
  serve({ "GET /api/v1/session": { body: nobody }, "POST /api/v1/session": { status: 400, body: wrong } });
  const [page, router] = await open(SignInPage, "/sign-in");
  await fill(page, "corey", "wrong");
  await vi.waitFor(() => {
    expect(page.find('[role="alert"]').exists()).toBe(true);
  });
  expect(page.find('[role="alert"]').text()).toContain("Check both and try again.");
  expect(page.findAll("input")[1]?.element.value).toBe("");
  expect(router.currentRoute.value.name).toBe("sign-in");
});

test("other ways in lead back to the same place", async () => {
  serve({ "GET /api/v1/session": { body: nobody } });
  const [page] = await open(SignInPage, "/sign-in?next=/history");
  expect(page.find("a.btn").attributes("href")).toMatch(/\/auth\/external\/google\/login\?next=%2Fhistory$/);
});

test("a new account is signed in at once", async () => {
  serve({
    "GET /api/v1/session": { body: nobody },
    "POST /api/auth/users/": { status: 201, body: { email: "", id: 7, username: "corey" } },
    "POST /api/v1/session": { status: 201, body: corey },
  });
  await useSession().ready();
  const [page, router] = await open(RegisterPage, "/register");
  expect(page.text()).toContain("At least 12 characters");
  await fill(page, "corey", "", "correct horse staple");
  await vi.waitFor(() => {
    expect(useSession().user?.username).toBe("corey");
    expect(router.currentRoute.value.name).toBe("classify");
  });
});

test("what is wrong with a field stands at the field", async () => {
  const faults = { username: ["This name is taken."], password: ["This password is too common."] };
  serve({ "GET /api/v1/session": { body: nobody }, "POST /api/auth/users/": { status: 400, body: faults } });
  const [page] = await open(RegisterPage, "/register");
  await fill(page, "corey", "", "password");
  await vi.waitFor(() => {
    expect(page.find('[role="alert"]').exists()).toBe(true);
  });
  const [username, email, password] = page.findAll("input");
  expect(username?.attributes("aria-invalid")).toBe("true");
  expect(email?.attributes("aria-invalid")).toBe("false");
  expect(password?.element.closest(".mb-3")?.textContent).toContain("This password is too common.");
});

test("where accounts are made by administrators there is no form", async () => {
  serve({ "GET /api/v1/session": { body: { ...nobody, registration: false } } });
  await useSession().ready();
  const [page] = await open(RegisterPage, "/register");
  expect(page.find("form").exists()).toBe(false);
});

test("a password can be looked at", async () => {
  serve({ "GET /api/v1/session": { body: nobody } });
  const [page] = await open(SignInPage, "/sign-in");
  await page.find("button[aria-pressed]").trigger("click");
  expect(page.findAll("input")[1]?.attributes("type")).toBe("text");
});

test.each([
  ["/history?label=cat", { path: "/history?label=cat", isPage: true }],
  ["/oauth/authorize?client_id=a", { path: `${window.location.origin}/oauth/authorize?client_id=a`, isPage: false }],
  ["https://evil.example/", { path: "/", isPage: true }],
  ["//evil.example/", { path: "/", isPage: true }],
  ["/\\evil.example", { path: "/", isPage: true }],
  [undefined, { path: "/", isPage: true }],
])("from %s one gets no further than this service", (query, expected) => {
  expect(nextOf(query)).toEqual(expected);
});
