{{- define "raylens.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "raylens.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "raylens.imagePull" -}}
image: {{ include "raylens.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* The pod of the head or of a worker. Call: (dict "root" . "component" "worker" "values" .Values.workers) */}}
{{- define "raylens.pod" -}}
{{- $root := .root }}
metadata:
  labels:
    {{- include "raylens.podLabels" (list $root .component) | nindent 4 }}
  {{- with merge (deepCopy $root.Values.podAnnotations) .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "raylens.name" $root }}-{{ .component }}
  # The autoscaler in the head's pod uses the Kubernetes API.
  automountServiceAccountToken: {{ eq .component "head" }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $root.Values.drain.terminationGracePeriodSeconds }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "raylens.podSecurity" $root | nindent 4 }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .component "worker" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "raylens.podLabels" (list $root "worker") | nindent 10 }}
    {{- end }}
  {{- end }}
  containers:
    # KubeRay adds the command (`ray start`) and the probes (HTTP to Ray's agent and to HAProxy).
    - name: ray-{{ .component }}
      {{- include "raylens.imagePull" $root | nindent 6 }}
      securityContext:
        {{- include "raylens.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      ports:
        {{- include (printf "raylens.ports.%s" .component) $root | nindent 8 }}
      env:
        {{- include "raylens.environment" $root | trim | nindent 8 }}
      volumeMounts:
        {{- include "raylens.mounts" . | nindent 8 }}
  volumes:
    {{- include "raylens.volumes" . | nindent 4 }}
{{- end }}

{{- define "raylens.ports.head" -}}
- {name: gcs-server, containerPort: 6379}
- {name: dashboard, containerPort: 8265}
- {name: serve, containerPort: 8000}
- {name: metrics, containerPort: 8080}
- {name: as-metrics, containerPort: 44217}
- {name: dash-metrics, containerPort: 44227}
{{- end }}

{{- define "raylens.ports.worker" -}}
- {name: serve, containerPort: 8000}
- {name: metrics, containerPort: 8080}
- {name: haproxy, containerPort: 9101}
{{- end }}

{{- define "raylens.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: ray-logs, mountPath: /tmp/ray}
- {name: shared-mem, mountPath: /dev/shm}
{{- if eq .component "worker" }}
- {name: spool, mountPath: /var/lib/raylens/spool}
{{- end }}
{{- end }}

{{/* KubeRay expects the names ray-logs, which it also mounts into the autoscaler, and shared-mem. */}}
{{- define "raylens.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: ray-logs
  emptyDir: {sizeLimit: 10Gi}
- name: shared-mem
  emptyDir: {medium: Memory, sizeLimit: {{ add .root.Values.objectStoreMiB 256 }}Mi}
{{- if eq .component "worker" }}
- name: spool
  {{- if .root.Values.spool.persistent }}
  persistentVolumeClaim:
    claimName: {{ include "raylens.spoolClaim" .root }}
  {{- else }}
  emptyDir: {sizeLimit: 1Gi}
  {{- end }}
{{- end }}
{{- end }}
