import vue from "eslint-plugin-vue";
import accessibility from "eslint-plugin-vuejs-accessibility";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "openapi.d.ts"] },
  ts.configs.strict,
  ts.configs.stylistic,
  vue.configs["flat/recommended"],
  accessibility.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    files: ["**/*.{ts,vue}"],
    rules: {
      "no-undef": "off", // TypeScript checks this
      "max-lines": ["error", 300],
      "max-len": ["error", { code: 120, ignoreUrls: true }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
      eqeqeq: "error",
      "no-console": "error",
      semi: "error",
      quotes: ["error", "double", { avoidEscape: true }],
      "vue/block-order": ["error", { order: ["script", "template", "style"] }],
      "vue/max-attributes-per-line": ["error", { singleline: 8 }],
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": ["error", { html: { void: "never" } }],
      "vue/multi-word-component-names": "off",
      "vue/no-v-html": "error",
      "vue/define-macros-order": "error",
      "vue/no-unused-refs": "error",
      "vue/no-undef-components": ["error", { ignorePatterns: ["RouterLink", "RouterView"] }],
      // A label may wrap its field or name it.
      "vuejs-accessibility/label-has-for": ["error", { required: { some: ["nesting", "id"] } }],
    },
  },
  // A setup store defines its functions inside one function.
  { files: ["src/stores/**"], rules: { "max-lines-per-function": ["error", { max: 100 }] } },
  { files: ["tests/**"], rules: { "max-lines-per-function": "off" } },
);
