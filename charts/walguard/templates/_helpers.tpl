{{/*
Every object has one fixed name: a cluster has one walguard, and a second release is refused by helm, which finds the
names taken. The webhook configurations and the resource definitions are the whole cluster's in any case.
*/}}
{{- define "walguard.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: walguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/*
The pods that answer the webhooks, and not those of a hook, a test or a preflight. A Deployment's selector cannot change:
nothing may be added here.
*/}}
{{- define "walguard.selector" -}}
app.kubernetes.io/name: walguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "walguard.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* YAML reads an unquoted off as false. */}}
{{- define "walguard.mode" -}}
{{- if kindIs "bool" .Values.mode }}off{{ else }}{{ .Values.mode }}{{ end -}}
{{- end }}

{{- define "walguard.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:walguard
{{- end }}

{{/* What Pod Security "restricted" asks of a pod, and of a container. */}}
{{- define "walguard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "walguard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- define "walguard.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
