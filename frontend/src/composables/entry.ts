import { answer, api } from "@/api/client";
import { nextOf } from "@/router/next";
import { useSession } from "@/stores/session";
import { useRoute, useRouter } from "vue-router";

/** What both pages of the entrance do: begin a session, and go on to where one wanted to be. */
export function useEntry() {
  const session = useSession();
  const route = useRoute();
  const router = useRouter();

  /** Throws Problem. */
  async function signIn(username: string, password: string): Promise<void> {
    session.accept(await answer(api.POST("/api/v1/session", { body: { username, password } })));
  }

  async function goOn(): Promise<void> {
    const next = nextOf(route.query.next);
    if (next.isPage) await router.replace(next.path);
    else window.location.assign(next.path);
  }

  return { signIn, goOn };
}
