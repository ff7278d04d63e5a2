{{/* Labels of every object of the installation. */}}
{{- define "iotedge-k8s.labels" -}}
app.kubernetes.io/name: edgeagent
app.kubernetes.io/part-of: iotedge-k8s
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The Secret with the device's connection string. */}}
{{- define "iotedge-k8s.deviceSecret" -}}
{{- .Values.device.existingSecret | default "iotedge-device" }}
{{- end }}

{{/* Variables of the agent: what the values mean, and the settings, which win; names in any case, as the agent reads them. */}}
{{- define "iotedge-k8s.environment" -}}
{{- $dps := .Values.device.dps | default dict }}
{{- $env := dict
  "IOTEDGE_CONNECTION_STRING_FILE" "/etc/iotedge-k8s/device/connectionString"
  "IOT_HUB_CA_FILE" "/etc/iotedge-k8s/hub/ca.pem"
  "DEVICE_SECRET" (include "iotedge-k8s.deviceSecret" .)
  "DEVICE_CERTIFICATE_SECRET" .Values.device.certificateSecret
  "DPS_ID_SCOPE" $dps.idScope
  "DPS_REGISTRATION_ID" $dps.registrationId
  "DPS_ENDPOINT" $dps.endpoint
  "RuntimeLogLevel" .Values.logLevel
  "WORKLOAD_API_MODE" .Values.workloadApi.mode
}}
{{- range $name, $value := $env }}
{{- if not $value }}
{{- $env = omit $env $name }}
{{- end }}
{{- end }}
{{- if ne (join "," .Values.deployment.sources) "twin" }}
{{- $_ := set $env "ConfigSource" (join "," .Values.deployment.sources) }}
{{- $_ := set $env "DEPLOYMENT_CONFIG_MAP" .Values.deployment.configMap }}
{{- end }}
{{- $values := dict "configsource" "deployment.sources" "deployment_config_map" "deployment.configMap" "device_secret" "device.existingSecret" "device_certificate_secret" "device.certificateSecret" }}
{{- $fixed := list "namespace" "pod_name" "agent_name" "metrics_port" "workload_port" "workload_tls_port" }}
{{- /* What pulls the runtime must pull the edge hub, whatever else modules need. */}}
{{- $pullSecrets := .Values.image.pullSecrets }}
{{- range $name, $value := .Values.settings }}
{{- with get $values (lower $name) }}
{{- fail (printf "Set the value %s instead of settings.%s: other objects of the chart depend on it, too." . $name) }}
{{- end }}
{{- if has (lower $name) $fixed }}
{{- fail (printf "settings.%s cannot be set: the chart's own objects depend on it." $name) }}
{{- end }}
{{- range $known := keys $env }}
{{- if eq (lower $known) (lower $name) }}
{{- $_ := unset $env $known }}
{{- end }}
{{- end }}
{{- if eq (lower $name) "image_pull_secrets" }}
{{- $pullSecrets = concat $pullSecrets (splitList "," (nospace $value)) | uniq }}
{{- else }}
{{- /* Helm reads numbers as floating-point ones, which it would write with an exponent. */}}
{{- $_ := set $env $name (kindIs "string" $value | ternary $value (toJson $value)) }}
{{- end }}
{{- end }}
{{- with $pullSecrets }}
{{- $_ := set $env "IMAGE_PULL_SECRETS" (join "," .) }}
{{- end }}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
