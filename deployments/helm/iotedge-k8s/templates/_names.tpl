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
