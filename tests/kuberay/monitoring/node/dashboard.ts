// The type of a dashboard, from Grafana's own types: three kinds of panels with their options and queries.
import type { AnnotationQuery, Dashboard, DataQuery, FieldConfig, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as Table } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type { Options as TimeSeries } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// The type as JSON: enumeration values instead of names.
type Plain<T> = unknown extends T
  ? unknown
  : T extends string
    ? `${T}`
    : T extends number
      ? number
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

interface PrometheusQuery extends DataQuery {
  expr: string;
  legendFormat: string;
  range: boolean;
  instant?: boolean;
  format?: "table" | "time_series" | "heatmap";
}

type Of<Kind extends string, Options, Custom = never> = Omit<Plain<Panel>, "type" | "options" | "targets" | "fieldConfig"> & {
  type: Kind;
  options: Plain<Options>;
  targets: Plain<PrometheusQuery>[];
  fieldConfig: { defaults: Omit<Plain<FieldConfig>, "custom"> & { custom?: Plain<Custom> }; overrides: [] };
};

type AnyPanel = Of<"stat", Stat> | Of<"table", Table> | Of<"timeseries", TimeSeries, GraphFieldConfig>;

interface PrometheusAnnotation extends AnnotationQuery {
  expr: string;
  titleFormat: string;
  textFormat: string;
  step: string;
}

export type RaylensDashboard = Omit<Plain<Dashboard>, "panels" | "annotations"> & {
  annotations: { list: Plain<PrometheusAnnotation>[] };
  panels: (AnyPanel | Plain<RowPanel>)[];
};
