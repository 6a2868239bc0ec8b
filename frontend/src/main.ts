import "@/styles/app.scss";
import App from "@/App.vue";
import { makeRouter } from "@/router";
import { createPinia } from "pinia";
import { createApp } from "vue";

createApp(App).use(createPinia()).use(makeRouter()).mount("#app");
