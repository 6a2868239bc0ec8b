import { baseUrl } from "@/api/baseUrl";
import { useSession } from "@/stores/session";
import { useTexts } from "@/texts";
import { nextTick } from "vue";
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from "vue-router";
import ClassifyPage from "@/pages/ClassifyPage.vue";
import paths from "./pages.json";

export type PageName = keyof typeof paths;

declare module "vue-router" {
  interface RouteMeta {
    /** Who may open the page; everyone by default. */
    requires?: "user" | "admin";
  }
}

type PageRoute = Pick<RouteRecordRaw, "component" | "meta">;

const NotFound = () => import("@/pages/NotFoundPage.vue");

/** The pages of pages.json. All but the start page are loaded on first use. */
const pages: Record<PageName, PageRoute> = {
  classify: { component: ClassifyPage },
  top: { component: () => import("@/pages/TopPage.vue") },
  about: { component: () => import("@/pages/AboutPage.vue") },
  "sign-in": { component: () => import("@/pages/SignInPage.vue") },
  register: { component: () => import("@/pages/RegisterPage.vue") },
  history: { component: () => import("@/pages/HistoryPage.vue"), meta: { requires: "user" } },
  account: { component: () => import("@/pages/AccountPage.vue"), meta: { requires: "user" } },
  admin: { component: () => import("@/pages/AdminPage.vue"), meta: { requires: "admin" } },
};

const routes: RouteRecordRaw[] = [
  ...Object.entries(pages).map(([name, page]) => ({ name, path: paths[name as PageName], ...page }) as RouteRecordRaw),
  { name: "not-found", path: "/:path(.*)*", component: NotFound },
];

/** Tests pass their own `history`; the default is the browser's, below the app's base path. */
export function createAppRouter(history = createWebHistory(baseUrl.pathname)): Router {
  const router = createRouter({ history, routes, scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 } });
  router.beforeEach(async (to) => {
    if (!to.meta.requires) return true;
    const session = useSession();
    await session.ready();
    if (!session.user) return { name: "sign-in", query: { next: to.fullPath } };
    if (to.meta.requires === "admin" && !session.isAdmin) {
      return { name: "not-found", params: { path: to.path.slice(1).split("/") } };
    }
    return true;
  });
  router.afterEach(async (to, from) => {
    document.title = useTexts().value.titles[String(to.name)] ?? "Raylens";
    if (from.matched.length === 0 || to.path === from.path) return;
    // Screen reader and keyboard users continue at the start of the new page.
    await nextTick();
    document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
  });
  return router;
}
