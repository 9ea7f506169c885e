{{- define "veriscope.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "veriscope.selector" -}}
app.kubernetes.io/name: veriscope
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "veriscope.labels" -}}
{{ include "veriscope.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "veriscope.pod" -}}
serviceAccountName: {{ include "veriscope.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "veriscope.place" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "veriscope.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - configMapRef: {name: {{ include "veriscope.name" . }}}
  - secretRef: {name: {{ .Values.secret }}}
volumeMounts:
  - {name: scratch, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.triton.enabled }}
  - {name: nodes, mountPath: /etc/veriscope, readOnly: true}
  {{- end }}
{{- end -}}

{{- define "veriscope.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- if .Values.triton.enabled }}
- name: nodes
  configMap: {name: {{ include "veriscope.name" . }}-nodes}
{{- end }}
{{- end -}}
