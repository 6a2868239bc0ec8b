import AdminPage from "@/pages/AdminPage.vue";
import { createAppRouter } from "@/router";
import { useSession } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test } from "vitest";
import { createMemoryHistory } from "vue-router";
import { mockServer, type MockResponse } from "./mockServer";

const at = "2026-01-31T12:00:00Z";
const ada = { id: 1, username: "ada", email: "", role: "admin" as const, created_at: at, has_password: true };
const bob = { ...ada, id: 2, username: "bob", role: "user", disabled: false };
const album = {
  id: "app-1",
  name: "Album",
  uri: "",
  redirect_uris: ["https://album.example/callback"],
  scopes: ["classify"],
  grants: ["authorization_code"],
  public: false,
  trusted: false,
  disabled: false,
  created_at: at,
};

async function open(tab: string, responses: Record<string, MockResponse>) {
  const state = { scopes: ["admin"], registration: true, anonymous: true, password_min_length: 15, providers: [] };
  const requests = mockServer({ "GET /api/v1/session": { body: { ...state, user: ada } }, ...responses });
  const session = useSession();
  await session.ready();
  const router = createAppRouter(createMemoryHistory());
  await router.push(`/admin?tab=${tab}`);
  const page: VueWrapper = mount(AdminPage, { global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
  return { page, requests };
}

function button(page: VueWrapper, label: string) {
  return page.find(`button[aria-label="${label}"]`);
}

const USERS = { body: { items: [bob, { ...ada, disabled: false }], next_before: null } };

test("administrators cannot disable or demote themselves", async () => {
  const { page } = await open("users", { "GET /api/v1/admin/users": USERS });
  expect(button(page, "Disable: bob").exists()).toBe(true);
  expect(button(page, "Disable: ada").exists()).toBe(false);
});

test("disabling a user is immediate, deletion requires confirmation", async () => {
  const { page, requests } = await open("users", {
    "GET /api/v1/admin/users": USERS,
    "PATCH /api/v1/admin/users/2": { body: { ...bob, disabled: true } },
    "DELETE /api/v1/admin/users/2": { status: 204 },
  });
  await button(page, "Disable: bob").trigger("click");
  await flushPromises();
  expect(await requests.find((request) => request.method === "PATCH")?.json()).toEqual({ disabled: true });
  await button(page, "Delete: bob").trigger("click");
  expect(requests.some((request) => request.method === "DELETE")).toBe(false);
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(requests.some((request) => request.method === "DELETE")).toBe(true);
});

test("a dialog does not show the problem of an earlier one", async () => {
  const { page } = await open("users", {
    "GET /api/v1/admin/users": { body: { items: [bob, { ...bob, id: 3, username: "eve" }], next_before: null } },
    "DELETE /api/v1/admin/users/2": { status: 403, body: { code: "not_allowed", detail: "Not this one." } },
  });
  await button(page, "Delete: bob").trigger("click");
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(page.find("dialog").text()).toContain("Not this one.");
  await page.findAll("dialog button").find((each) => each.text() === "Cancel")?.trigger("click");
  await button(page, "Delete: eve").trigger("click");
  expect(page.find("dialog").text()).toContain("Delete eve?");
  expect(page.find("dialog").text()).not.toContain("Not this one.");
});

test("a registered application's secret is shown once", async () => {
  const { page, requests } = await open("clients", {
    "GET /api/v1/admin/clients": { body: { items: [album] } },
    "POST /api/v1/admin/clients": { status: 201, body: { ...album, client_secret: "rlx_secret" } },
  });
  await page.find("section header button").trigger("click");
  await page.find("dialog input").setValue("Album");
  await page.find("dialog textarea").setValue(" https://album.example/callback \n\n");
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(await requests.find((request) => request.method === "POST")?.json()).toMatchObject({
    name: "Album",
    redirect_uris: ["https://album.example/callback"],
    public: false,
  });
  expect(page.find("dialog").text()).toContain("rlx_secret");
});

test("the audit log shows the event, user and address", async () => {
  const entry = { id: 5, at, user_id: 2, actor_id: 2, address: "192.0.2.7", user_agent: "curl/8", client_id: "" };
  const { page } = await open("log", {
    "GET /api/v1/admin/audit": {
      body: { items: [{ ...entry, event: "user.signed_in", username: "bob", detail: {} }], next_before: null },
    },
  });
  expect(page.find("li").text()).toContain("Signed in: bob");
  expect(page.find("li").text()).toContain("192.0.2.7");
});
