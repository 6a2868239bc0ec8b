import { root } from "@/api/root";
import { useSession } from "@/stores/session";
import { useTexts } from "@/texts";
import { nextTick } from "vue";
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from "vue-router";
import ClassifyPage from "@/pages/ClassifyPage.vue";
import paths from "./pages.json";

export type PageName = keyof typeof paths;

declare module "vue-router" {
  interface RouteMeta {
    /** Who may see the page; everybody where it says nothing. */
    for?: "user" | "admin";
  }
}

type Page = Pick<RouteRecordRaw, "component" | "meta">;

const NotFound = () => import("@/pages/NotFoundPage.vue");

/** Each page of pages.json, loaded when it is first seen; the start page comes with the app. */
const pages: Record<PageName, Page> = {
  classify: { component: ClassifyPage },
  top: { component: () => import("@/pages/TopPage.vue") },
  about: { component: () => import("@/pages/AboutPage.vue") },
  "sign-in": { component: () => import("@/pages/SignInPage.vue") },
  register: { component: () => import("@/pages/RegisterPage.vue") },
  history: { component: () => import("@/pages/HistoryPage.vue"), meta: { for: "user" } },
  account: { component: () => import("@/pages/AccountPage.vue"), meta: { for: "user" } },
  admin: { component: () => import("@/pages/AdminPage.vue"), meta: { for: "admin" } },
};

const routes: RouteRecordRaw[] = [
  ...Object.entries(pages).map(([name, page]) => ({ name, path: paths[name as PageName], ...page }) as RouteRecordRaw),
  { name: "not-found", path: "/:path(.*)*", component: NotFound },
];

/** `history` is a test's own; otherwise the browser's, below wherever the app lies. */
export function makeRouter(history = createWebHistory(root.pathname)): Router {
  const router = createRouter({ history, routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } });
  router.beforeEach(async (to) => {
    if (!to.meta.for) return true;
    const session = useSession();
    await session.ready();
    if (!session.user) return { name: "sign-in", query: { next: to.fullPath } };
    if (to.meta.for === "admin" && !session.isAdmin) {
      return { name: "not-found", params: { path: to.path.slice(1).split("/") } };
    }
    return true;
  });
  router.afterEach(async (to, from) => {
    document.title = useTexts().value.titles[String(to.name)] ?? "Raylens";
    if (from.matched.length === 0 || to.path === from.path) return;
    // Who listens to a screen reader or uses the keyboard goes on at the new page's start.
    await nextTick();
    document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
  });
  return router;
}
