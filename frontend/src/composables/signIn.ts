import { api, unwrap } from "@/api/client";
import { resolveRedirect } from "@/router/redirect";
import { useSession } from "@/stores/session";
import { useRoute, useRouter } from "vue-router";

/** Shared by the sign-in and registration pages: starts a session, then continues to the requested page. */
export function useSignIn() {
  const session = useSession();
  const route = useRoute();
  const router = useRouter();

  /** Throws Problem. */
  async function signIn(username: string, password: string): Promise<void> {
    session.setSession(await unwrap(api.POST("/api/v1/session", { body: { username, password } })));
  }

  async function redirect(): Promise<void> {
    const target = resolveRedirect(route.query.next);
    if (target.isPage) await router.replace(target.path);
    else window.location.assign(target.path);
  }

  return { signIn, redirect };
}
