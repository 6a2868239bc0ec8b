import { resolveRedirect } from "@/router/redirect";
import { createAppRouter } from "@/router";
import RegisterPage from "@/pages/RegisterPage.vue";
import SignInPage from "@/pages/SignInPage.vue";
import { useSession, type Session } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { createMemoryHistory, type Router } from "vue-router";
import { mockServer } from "./mockServer";

const anonymous: Session = {
  user: null,
  scopes: [],
  registration: true,
  anonymous: true,
  password_min_length: 12,
  providers: [{ name: "google", title: "Google", login_url: "/auth/external/google/login" }],
};
const corey: Session = {
  ...anonymous,
  user: { id: 7, username: "corey", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
};

async function open(page: typeof SignInPage | typeof RegisterPage, path: string): Promise<[VueWrapper, Router]> {
  const router = createAppRouter(createMemoryHistory());
  await router.push(path);
  const wrapper = mount(page, { global: { plugins: [router] } });
  await flushPromises();
  return [wrapper, router];
}

async function fill(wrapper: VueWrapper, ...values: string[]): Promise<void> {
  const inputs = wrapper.findAll("input");
  for (const [index, value] of values.entries()) await inputs[index]?.setValue(value);
  await wrapper.find("form").trigger("submit");
  await flushPromises();
}

test("sign-in continues to the requested page", async () => {
  const requests = mockServer({
    "GET /api/v1/session": { body: anonymous },
    "POST /api/v1/session": { status: 201, body: corey },
  });
  const [page, router] = await open(SignInPage, "/sign-in?next=/top");
  await fill(page, "corey", "correct horse staple");
  await vi.waitFor(() => {
    expect(requests).toHaveLength(2);
  });
  expect(await requests[1]?.json()).toEqual({ username: "corey", password: "correct horse staple" });
  await vi.waitFor(() => {
    expect(useSession().user?.username).toBe("corey");
    expect(router.currentRoute.value.fullPath).toBe("/top");
  });
});

test("a wrong password shows an error and is cleared", async () => {
  const wrong = { code: "invalid_login", detail: "Unable to log in with provided credentials." };
  mockServer({ "GET /api/v1/session": { body: anonymous }, "POST /api/v1/session": { status: 400, body: wrong } });
  const [page, router] = await open(SignInPage, "/sign-in");
  await fill(page, "corey", "wrong");
  await vi.waitFor(() => {
    expect(page.find('[role="alert"]').exists()).toBe(true);
  });
  expect(page.find('[role="alert"]').text()).toContain("Check both and try again.");
  expect(page.findAll("input")[1]?.element.value).toBe("");
  expect(router.currentRoute.value.name).toBe("sign-in");
});

test("a throttled sign-in is sent again after the wait", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const throttled = { code: "throttled", detail: "Too many failed sign-ins; try again in 12 s." };
  const reply = { status: 429, body: throttled, headers: { "Retry-After": "12" } };
  const requests = mockServer({ "GET /api/v1/session": { body: anonymous }, "POST /api/v1/session": reply });
  try {
    const [page] = await open(SignInPage, "/sign-in");
    await fill(page, "corey", "correct horse staple");
    await vi.waitFor(() => {
      expect(page.find('[role="alert"]').text()).toContain("Retrying in 12 s");
    });
    expect(page.findAll("input")[1]?.element.value).toBe("correct horse staple");
    expect(page.find('[role="alert"] .visually-hidden').text()).toBe(throttled.detail);
    expect(page.find('[role="alert"] button').exists()).toBe(false);
    await vi.advanceTimersByTimeAsync(11_900);
    expect(requests).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    await vi.waitFor(() => {
      expect(requests).toHaveLength(3);
    });
    expect(await requests[2]?.json()).toEqual({ username: "corey", password: "correct horse staple" });
    await vi.waitFor(() => {
      expect(page.find('[role="alert"]').exists()).toBe(true);
    });
    await page.findAll("input")[1]?.setValue("another");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test("provider links lead back to the requested page", async () => {
  mockServer({ "GET /api/v1/session": { body: anonymous } });
  const [page] = await open(SignInPage, "/sign-in?next=/history");
  expect(page.find("a.btn").attributes("href")).toMatch(/\/auth\/external\/google\/login\?next=%2Fhistory$/);
});

test("a new account is signed in", async () => {
  mockServer({
    "GET /api/v1/session": { body: anonymous },
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

test("field errors appear at their fields", async () => {
  const errors = { username: ["This name is taken."], password: ["This password is too common."] };
  mockServer({ "GET /api/v1/session": { body: anonymous }, "POST /api/auth/users/": { status: 400, body: errors } });
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

test("without registration there is no form", async () => {
  mockServer({ "GET /api/v1/session": { body: { ...anonymous, registration: false } } });
  await useSession().ready();
  const [page] = await open(RegisterPage, "/register");
  expect(page.find("form").exists()).toBe(false);
});

test("the password can be shown", async () => {
  mockServer({ "GET /api/v1/session": { body: anonymous } });
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
])("next=%s stays on this service", (query, expected) => {
  expect(resolveRedirect(query)).toEqual(expected);
});
