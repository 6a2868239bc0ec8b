{{/*
A server for trials: Deployment, Service, and a NetworkPolicy that admits only Raylens.
Call: (dict "root" . "component" "mysql" "image" … "port" 3306 "user" 999 "command" … "env" … "probe" … "folders" …)
*/}}
{{- define "raylens.devServer" -}}
{{- $name := printf "%s-%s" (include "raylens.name" .root) .component }}
{{- $labels := include "raylens.labels" .root }}
{{- $selector := include "raylens.podLabels" (list .root .component) }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  replicas: 1
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- $selector | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        {{- include "raylens.podSecurity" .root | replace "10001" (toString .user) | nindent 8 }}
      containers:
        - name: {{ .component }}
          image: {{ .image }}
          {{- with .command }}
          command: {{ toJson . }}
          {{- end }}
          securityContext:
            {{- include "raylens.containerSecurity" .root | nindent 12 }}
          resources:
            requests: {cpu: 100m, memory: 1Gi}
            limits: {cpu: "1", memory: 1Gi}
          ports:
            - {name: {{ .component }}, containerPort: {{ .port }}}
          env:
            {{- toYaml .env | nindent 12 }}
          readinessProbe:
            exec: {command: {{ toJson .probe }}}
            periodSeconds: 5
            timeoutSeconds: 5
          livenessProbe:
            exec: {command: {{ toJson .probe }}}
            initialDelaySeconds: 120
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          volumeMounts:
            {{- range $folder, $path := .folders }}
            - {name: {{ $folder }}, mountPath: {{ $path }}}
            {{- end }}
      volumes:
        {{- range $folder, $_ := .folders }}
        - name: {{ $folder }}
          emptyDir: {sizeLimit: 2Gi}
        {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  selector:
    {{- $selector | nindent 4 }}
  ports:
    - {name: {{ .component }}, port: {{ .port }}, targetPort: {{ .component }}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- include "raylens.nodes" .root | nindent 8 }}
      ports:
        - {port: {{ .port }}, protocol: TCP}
{{- end }}
