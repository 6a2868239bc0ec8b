{{/* Rejects combinations of values that the schema cannot express, with one line each. */}}
{{- define "raylens.check" -}}
{{- if and (not .Values.dev.enabled) (not .Values.existingSecret) }}
{{- fail "existingSecret: name the Secret with RAYLENS_DATABASE_URL, RAYLENS_REDIS_URL and RAYLENS_SECRET_KEY (for a trial set dev.enabled)" }}
{{- end }}
{{- if and .Values.dev.enabled .Values.existingSecret }}
{{- fail "existingSecret: dev.enabled creates a Secret; set only one of them" }}
{{- end }}
{{- if and .Values.gcsFaultTolerance.enabled (not .Values.dev.enabled) (not .Values.gcsFaultTolerance.redisAddress) }}
{{- fail "gcsFaultTolerance.redisAddress: required, for example rediss://host:6379 (with gcsFaultTolerance.enabled=false the loss of the head is an outage)" }}
{{- end }}
{{- if and (ne .Values.ingress.mode "none") (not .Values.ingress.host) }}
{{- fail (printf "ingress.host: required for ingress.mode=%s, for example raylens.example.org" .Values.ingress.mode) }}
{{- end }}
{{- if and (eq .Values.ingress.mode "gateway") (not .Values.ingress.gateway.tlsSecret) }}
{{- fail "ingress.gateway.tlsSecret: required, sign-in needs TLS" }}
{{- end }}
{{- if and (eq .Values.ingress.mode "emissary") (not .Values.ingress.emissary.tlsSecret) }}
{{- fail "ingress.emissary.tlsSecret: required, sign-in needs TLS" }}
{{- end }}
{{- if and .Values.tracing.enabled (not .Values.tracing.endpoint) }}
{{- fail "tracing.endpoint: required, for example http://collector.observability:4318 (or set tracing.enabled=false)" }}
{{- end }}
{{- if gt (int .Values.workers.minReplicas) (int .Values.workers.maxReplicas) }}
{{- fail "workers.minReplicas: is above workers.maxReplicas" }}
{{- end }}
{{- if ge (int .Values.podDisruptionBudget.minAvailable) (int .Values.workers.minReplicas) }}
{{- fail "podDisruptionBudget.minAvailable: must be below workers.minReplicas, or nodes cannot be drained" }}
{{- end }}
{{- if ge (int .Values.drain.timeoutSeconds) (int .Values.drain.terminationGracePeriodSeconds) }}
{{- fail "drain.timeoutSeconds: must be below drain.terminationGracePeriodSeconds, or nodes are killed before they have drained" }}
{{- end }}
{{- $longest := include "raylens.longestRequest" . | float64 }}
{{- if le (float64 .Values.drain.timeoutSeconds) $longest }}
{{- fail (printf "drain.timeoutSeconds: must be above the longest request, limits.request_timeout_s = %v" $longest) }}
{{- end }}
{{- if le (float64 .Values.upgrade.clusterDeletionDelaySeconds) (addf $longest .Values.ingress.deregistrationDelaySeconds) }}
{{- fail (printf "upgrade.clusterDeletionDelaySeconds: must be above the longest request (%v s) plus ingress.deregistrationDelaySeconds (%v s)" $longest .Values.ingress.deregistrationDelaySeconds) }}
{{- end }}
{{- if eq .Values.upgrade.type "NewClusterWithIncrementalUpgrade" }}
{{- if not .Values.upgrade.incremental.gatewayClassName }}
{{- fail "upgrade.incremental.gatewayClassName: required, KubeRay creates the Gateway for incremental upgrades" }}
{{- end }}
{{- if ne .Values.ingress.mode "none" }}
{{- fail "ingress.mode: must be none with NewClusterWithIncrementalUpgrade, KubeRay creates the Gateway and the route" }}
{{- end }}
{{- end }}
{{- end }}
