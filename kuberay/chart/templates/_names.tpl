{{/* The RayService's name; KubeRay derives other names from it, so it has at most 47 characters. */}}
{{- define "raylens.name" -}}
{{- $name := .Values.fullnameOverride | default .Release.Name -}}
{{- if gt (len $name) 47 }}{{ fail (printf "%s: the name is %d characters long, KubeRay allows 47: set fullnameOverride" $name (len $name)) }}{{ end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) }}{{ fail (printf "%s: the name must start with a letter and contain only lower case letters, digits and hyphens: set fullnameOverride" $name) }}{{ end -}}
{{- $name -}}
{{- end }}

{{/* The Service that KubeRay creates for the workers. */}}
{{- define "raylens.service" -}}
{{ include "raylens.name" . }}-serve-svc
{{- end }}

{{/* Labels of the chart's own objects. */}}
{{- define "raylens.labels" -}}
app.kubernetes.io/name: raylens
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: raylens
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/*
Labels of pods, for the selectors of policies and monitors. Not the recommended ones of Kubernetes: KubeRay's head Service
selects app.kubernetes.io/name=kuberay. No version: each change of it would replace the cluster.
Call: (list . "worker")
*/}}
{{- define "raylens.podLabels" -}}
raylens/instance: {{ include "raylens.name" (first .) }}
raylens/component: {{ last . }}
{{- end }}

{{- define "raylens.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* The Secret with RAYLENS_DATABASE_URL and the others. */}}
{{- define "raylens.secret" -}}
{{- if .Values.dev.enabled }}{{ include "raylens.name" . }}-dev{{ else }}{{ .Values.existingSecret }}{{ end -}}
{{- end }}

{{- define "raylens.spoolClaim" -}}
{{ .Values.spool.existingClaim | default (printf "%s-spool" (include "raylens.name" .)) }}
{{- end }}
