{{/*
Rejects keys that config/serve.yaml lacks. Call: (dict "known" … "given" … "path" "serve.args")
*/}}
{{- define "raylens.refuseUnknown" -}}
{{- $known := .known }}
{{- $path := .path }}
{{- range $key, $value := .given }}
{{- if not (hasKey $known $key) }}
{{- fail (printf "%s.%s: config/serve.yaml has no such key; it has %s" $path $key (keys $known | sortAlpha | join ", ")) }}
{{- end }}
{{- if and (kindIs "map" $value) (kindIs "map" (get $known $key)) }}
{{- include "raylens.refuseUnknown" (dict "known" (get $known $key) "given" $value "path" (printf "%s.%s" $path $key)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* config/serve.yaml with the overrides of the values. */}}
{{- define "raylens.serveConfig" -}}
{{- $document := .Files.Get "files/serve.yaml" | fromYaml }}
{{- if hasKey $document "Error" }}{{ fail (printf "config/serve.yaml: %s" $document.Error) }}{{ end }}
{{- $application := first $document.applications }}
{{- $policy := $application.autoscaling_policy.policy_kwargs }}
{{- include "raylens.refuseUnknown" (dict "known" $application.args "given" .Values.serve.args "path" "serve.args") }}
{{- include "raylens.refuseUnknown" (dict "known" $policy "given" .Values.serve.autoscaling "path" "serve.autoscaling") }}
{{- $_ := mergeOverwrite $application.args .Values.serve.args }}
{{- $_ := mergeOverwrite $policy .Values.serve.autoscaling }}
{{- $deployments := list }}
{{- $named := dict }}
{{- range $application.deployments }}
{{- $deployments = append $deployments . }}
{{- $_ := set $named .name . }}
{{- end }}
{{- if .Values.models }}
{{- $_ := set $application.args "models" .Values.models }}
{{- range rest .Values.models }}
{{- $further := merge (dict "name" (printf "Classifier-%s" (include "raylens.modelName" .))) $named.Classifier | deepCopy }}
{{- $deployments = append $deployments $further }}
{{- $_ := set $named $further.name $further }}
{{- end }}
{{- end }}
{{- range $name, $override := .Values.serve.deployments }}
{{- if not (hasKey $named $name) }}
{{- fail (printf "serve.deployments.%s: there is no such deployment; there is %s" $name (keys $named | sortAlpha | join ", ")) }}
{{- end }}
{{- $_ := mergeOverwrite (get $named $name) $override }}
{{- end }}
{{- $_ := set $application "deployments" $deployments }}
{{- toYaml $document }}
{{- end }}

{{/* The name of a model, or of a model file as models/custom/names.py derives it. */}}
{{- define "raylens.modelName" -}}
{{- if regexMatch "(?i)[.](keras|h5|hdf5)$" . }}
{{- if not (regexMatch "^[ -~]+$" (base .)) }}
{{- fail (printf "models: name the file %s with ASCII letters" .) }}
{{- end }}
{{- regexReplaceAll "[^a-z0-9._-]+" (trimSuffix (ext .) (base .) | lower) "-" | trimAll "-" }}
{{- else }}{{ . }}{{ end }}
{{- end }}

{{/* The request timeout, seconds. */}}
{{- define "raylens.longestRequest" -}}
{{- $application := first (include "raylens.serveConfig" . | fromYaml).applications -}}
{{ $application.args.limits.request_timeout_s }}
{{- end }}
