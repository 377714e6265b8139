{{- define "tiercel.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tiercel.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "tiercel.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tiercel.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tiercel.selector" -}}
app.kubernetes.io/name: {{ include "tiercel.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tiercel.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "tiercel.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tiercel.account" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tiercel.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "tiercel.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* Whether audit may be used: it takes the node's processes and two more capabilities. */ -}}
{{- define "tiercel.audit" -}}
{{- if or (eq .Values.source "audit") (and (eq .Values.source "auto") .Values.hostPID) }}yes{{ end }}
{{- end }}

{{- /* What is read of container runtimes, each path once. */ -}}
{{- define "tiercel.runtimes" -}}
{{- $paths := list }}
{{- range $_, $runtime := .Values.containerRuntimes }}
{{- if $runtime.enabled }}{{ $paths = concat $paths $runtime.paths }}{{ end }}
{{- end }}
{{- $paths | uniq | toJson }}
{{- end }}

{{- /* tiercel.yaml: what the other values say, and then the keys given as they are. */ -}}
{{- define "tiercel.config" -}}
{{- $rules := list }}
{{- if .Values.rules.shipped }}{{ $rules = append $rules "/usr/share/tiercel/rules.yaml" }}{{ end }}
{{- if .Values.rules.custom }}{{ $rules = append $rules "/etc/tiercel/rules.d" }}{{ end }}
{{- $config := dict
      "rules_files" $rules
      "json_output" .Values.output.json
      "stdout_output" (dict "enabled" .Values.output.stdout)
      "webserver" (dict "enabled" true "listen_port" .Values.web.port "prometheus_metrics_enabled" .Values.metrics.enabled)
      "capture" (dict "path_prefix" "/var/lib/tiercel/capture")
      "append_output" (list (dict "suggested_output" true)) }}
{{- if .Values.metrics.enabled }}{{ $_ := set $config "metrics" (dict "enabled" true) }}{{ end }}
{{- if .Values.kubernetes.enabled }}
{{- $_ := set $config "container_engines" (dict "kubernetes" (dict "enabled" true)) }}
{{- end }}
{{- if .Values.output.http.enabled }}
{{- $http := dict "enabled" true "url" (required "output.http.url is needed when output.http.enabled is true" .Values.output.http.url) "keep_alive" true "insecure" .Values.output.http.insecure }}
{{- if .Values.output.http.headers }}{{ $_ := set $http "headers" .Values.output.http.headers }}{{ end }}
{{- $_ := set $config "http_output" $http }}
{{- end }}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml }}
{{- end }}
