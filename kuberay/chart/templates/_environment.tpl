{{/* The public URL of Raylens. */}}
{{- define "raylens.publicUrl" -}}
{{- if .Values.settings.public_url -}}
{{ .Values.settings.public_url }}
{{- else if and .Values.ingress.host (ne .Values.ingress.mode "none") -}}
https://{{ .Values.ingress.host }}
{{- end -}}
{{- end }}

{{/* Settings as variables RAYLENS_<NAME>, without empty ones. */}}
{{- define "raylens.settings" -}}
{{- $settings := deepCopy .Values.settings }}
{{- $_ := set $settings "public_url" (include "raylens.publicUrl" .) }}
{{- $service := printf "%s.%s" (include "raylens.service" . | trim) .Release.Namespace }}
{{- $hosts := list $service (printf "%s.svc" $service) (printf "%s.svc.cluster.local" $service) }}
{{- $_ := set $settings "allowed_hosts" (concat $hosts (compact (list $settings.allowed_hosts)) | join ",") }}
{{- if kindIs "invalid" $settings.forwarded_hops }}
{{- $_ := set $settings "forwarded_hops" (ternary 0 1 (eq .Values.ingress.mode "none")) }}
{{- end }}
{{- range $name, $value := $settings }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: RAYLENS_{{ upper $name }}
  value: {{ if kindIs "float64" $value }}{{ $value | toJson | quote }}{{ else }}{{ toString $value | quote }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "raylens.tracing" -}}
{{- with .Values.tracing }}
{{- if .enabled }}
- name: RAYLENS_TRACING
  value: "true"
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .sampleRatio | toJson | quote }}
- name: OTEL_SERVICE_NAME
  value: {{ include "raylens.name" $ }}
{{- end }}
{{- end }}
{{- end }}

{{/* Variables from the Secret. Call: (list . "NAME" …) */}}
{{- define "raylens.secrets" -}}
{{- $secret := include "raylens.secret" (first .) }}
{{- range rest . }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ . }}
      {{- if eq . "RAYLENS_PROVIDERS" }}
      optional: true
      {{- end }}
{{- end }}
{{- end }}

{{/* The same on the head and the workers: Serve reads it on both. */}}
{{- define "raylens.environment" -}}
{{- range $name, $value := .Files.Get "files/ray-environment.yaml" | fromYaml }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
  value: {{ .Values.drain.timeoutSeconds | quote }}
# The root file system is read-only.
- name: HOME
  value: /tmp
{{- if eq .Values.settings.log_format "json" }}
# Also for the logs of Ray's processes.
- name: RAY_BACKEND_LOG_JSON
  value: "1"
{{- end }}
{{- include "raylens.tracing" . }}
{{- include "raylens.settings" . }}
{{- include "raylens.secrets" (list . "RAYLENS_DATABASE_URL" "RAYLENS_REDIS_URL" "RAYLENS_SECRET_KEY" "RAYLENS_PROVIDERS") }}
{{- end }}
