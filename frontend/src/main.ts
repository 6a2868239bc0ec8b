import "@/styles/app.scss";
import App from "@/App.vue";
import { createAppRouter } from "@/router";
import { createPinia } from "pinia";
import { createApp } from "vue";

createApp(App).use(createPinia()).use(createAppRouter()).mount("#app");
