{{- define "assay.labels" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* What picks the pods of one part: (dict "root" $ "part" "service"). */ -}}
{{- define "assay.selector" -}}
app.kubernetes.io/name: assay
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "assay.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "assay.bundledStore" -}}
{{- if not (or .Values.store.url .Values.store.urlSecret.name) }}yes{{ end -}}
{{- end }}

{{- /* A container that may do nothing but its work. */ -}}
{{- define "assay.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* The secret that has the bundled store's password, and its key. */ -}}
{{- define "assay.storeSecret" -}}
{{- .Values.store.passwordSecret.name | default (printf "%s-store" .Release.Name) -}}
{{- end }}
{{- define "assay.storeSecretKey" -}}
{{- ternary (.Values.store.passwordSecret.key | default "password") "password" (ne .Values.store.passwordSecret.name "") -}}
{{- end }}

{{- /* The names by which clients reach the service: its Services', and those of the values. Addresses are known anyway. */ -}}
{{- define "assay.hosts" -}}
{{- $names := list -}}
{{- range $name := list .Release.Name (printf "%s-admin" .Release.Name) -}}
{{- range $more := list "" "." ".svc" ".svc.cluster.local" -}}
{{- $below := ternary "" (printf ".%s%s" $.Release.Namespace (ternary "" $more (eq $more "."))) (eq $more "") -}}
{{- $names = append $names (printf "%s%s" $name $below) -}}
{{- end -}}
{{- end -}}
{{- $service := .Values.config.service | default dict -}}
{{- concat $names .Values.allowedHosts ($service.allowed_hosts | default list) | uniq | join "," -}}
{{- end }}
