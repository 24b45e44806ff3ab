{{/*
What the two webhook configurations are made of. They must never stand in a cluster's way, so:

- walguard's own namespace is left out by name, in every entry. Its pods, its upgrade, its test and its preflights start
  with walguard down. kube-system and `excludedNamespaces` likewise: what walguard itself stands on, storage and network.
- The API server waits for an answer (failurePolicy Fail) only where somebody asked for that: when pods are created,
  workloads are changed or debug containers added in namespaces labelled walguard/mode=gate or enforce, and when a pod
  with walguard/require-local is created. Elsewhere, and for everything else, walguard is passed over when it is down
  (Ignore).
- Nothing matches a deletion, a status, or an object that is being deleted: finalizers go through with walguard down.
- matchConditions keep away, inside the API server, what has no volume that could be shared. So most pods do without
  walguard wherever they are. One that fails on an odd object is decided by the entry's failurePolicy.
- sideEffects None: a dry run is answered as the real request would be.

In the first seconds after an install no certificate is in caBundle yet, and calls fail at once instead of after
timeoutSeconds: Ignore lets them pass, Fail asks people to try again.
*/}}

{{/* Whether the API server knows matchConditions: beta and on from 1.28, stable from 1.30. */}}
{{- define "walguard.hasMatchConditions" -}}
{{- if semverCompare ">=1.28.0-0" .Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end }}

{{/*
The namespaces of an entry. Argument: root, and namespaces: strict (they gate or enforce), other, or all.
The API server itself sets kubernetes.io/metadata.name, and nobody can change it.
*/}}
{{- define "walguard.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- concat (list .root.Release.Namespace "kube-system") .root.Values.excludedNamespaces | uniq | toYaml | nindent 6 }}
  - key: walguard/ignore
    operator: NotIn
    values: ["true"]
  {{- if ne .namespaces "all" }}
  - key: walguard/mode
    operator: {{ eq .namespaces "strict" | ternary "In" "NotIn" }}
    values: [gate, enforce]
  {{- end }}
{{- end }}

{{/* The rules of a shape: objects of one form, which the same conditions can read. */}}
{{- define "walguard.rules" -}}
{{- if eq . "pods" }}
- apiGroups: [""]
  apiVersions: [v1]
  resources: [pods]
  operations: [CREATE]
  scope: Namespaced
{{- else if eq . "pod-updates" }}
- apiGroups: [""]
  apiVersions: [v1]
  resources: [pods]
  operations: [UPDATE]
  scope: Namespaced
{{- else if eq . "ephemeral-containers" }}
- apiGroups: [""]
  apiVersions: [v1]
  resources: [pods/ephemeralcontainers]
  operations: [UPDATE]
  scope: Namespaced
{{- else if eq . "workloads" }}
- apiGroups: [apps]
  apiVersions: [v1]
  resources: [deployments, statefulsets, daemonsets, replicasets]
  operations: [CREATE, UPDATE]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  resources: [jobs, cronjobs]
  operations: [CREATE, UPDATE]
  scope: Namespaced
{{- else if eq . "scale" }}
- apiGroups: [apps]
  apiVersions: [v1]
  resources: [deployments/scale, statefulsets/scale, replicasets/scale]
  operations: [UPDATE]
  scope: Namespaced
{{- else if eq . "policies" }}
- apiGroups: [walguard.dev]
  apiVersions: [v1alpha1]
  resources: [walguardpolicies]
  operations: [CREATE, UPDATE]
  scope: Cluster
{{- end }}
{{- end }}

{{/*
CEL: one of a pod spec's volumes could be shared. Not what the kubelet writes itself, nor an emptyDir of one container.
[x].exists(spec, ...) gives x a name, for which matchConditions have no other way.
*/}}
{{- define "walguard.cel.shareable" -}}
[{{ . }}].exists(spec, has(spec.volumes) && spec.volumes.exists(v,
!has(v.configMap) && !has(v.secret) && !has(v.projected) && !has(v.downwardAPI) &&
(!has(v.emptyDir) || (spec.containers +
(has(spec.initContainers) ? spec.initContainers : []) +
(has(spec.ephemeralContainers) ? spec.ephemeralContainers : [])
).filter(c, has(c.volumeMounts) && c.volumeMounts.exists(m, m.name == v.name)).size() > 1)))
{{- end }}

{{/* The conditions of a shape, each by its name. */}}
{{- define "walguard.matchConditions" -}}
{{- $shape := .shape }}
{{- if eq $shape "scale" }}
# A scale-down is never held up, least of all by a walguard that is down. replicas: 0 is left out of a Scale.
- name: more-replicas
  expression: >-
    (has(object.spec.replicas) ? object.spec.replicas : 0) >
    (has(oldObject.spec.replicas) ? oldObject.spec.replicas : 0)
{{- else }}
- name: not-being-deleted
  expression: "!has(object.metadata.deletionTimestamp)"
{{- if eq $shape "policies" }}
- name: not-only-metadata
  expression: request.operation == 'CREATE' || object.spec != oldObject.spec
{{- else }}
{{- if eq $shape "workloads" }}
- name: volumes-that-could-be-shared
  expression: >-
    (request.kind.kind == 'StatefulSet' && has(object.spec.volumeClaimTemplates) &&
    object.spec.volumeClaimTemplates.size() > 0) ||
    {{- include "walguard.cel.shareable" "request.kind.kind == 'CronJob' ? object.spec.jobTemplate.spec.template.spec : object.spec.template.spec" | nindent 4 }}
# What these two made is judged in its Deployment or CronJob, and once more in its pods.
- name: not-made-by-a-judged-workload
  expression: >-
    !(request.kind.kind in ['ReplicaSet', 'Job'] && has(object.metadata.ownerReferences) &&
    object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller && o.kind in ['Deployment', 'CronJob']))
{{- else }}
- name: volumes-that-could-be-shared
  expression: >-
    {{- include "walguard.cel.shareable" "object.spec" | nindent 4 }}
# Mirrors of static pods: the kubelet runs those whatever anybody answers.
- name: not-a-mirror-pod
  expression: >-
    !has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)
{{- end }}
{{- if has $shape (list "workloads" "pod-updates") }}
- name: not-only-other-metadata
  expression: >-
    request.operation == 'CREATE' || object.spec != oldObject.spec ||
    (has(object.metadata.annotations) ? object.metadata.annotations : {}) !=
    (has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {})
{{- end }}
{{- if eq $shape "pod-updates" }}
# walguard opens gates; it need not ask itself.
- name: not-by-walguard
  expression: request.userInfo.username != '{{ include "walguard.user" .root }}'
{{- end }}
{{- if eq $shape "ephemeral-containers" }}
# kubectl debug mounts nothing by itself, and is wanted most when something is down.
- name: with-a-mount
  expression: >-
    has(object.spec.ephemeralContainers) &&
    object.spec.ephemeralContainers.exists(c, has(c.volumeMounts))
{{- end }}
{{- with .requireLocal }}
- name: {{ eq . "yes" | ternary "require-local" "not-require-local" }}
  expression: >-
    {{ eq . "yes" | ternary "" "!" }}(has(object.metadata.annotations) &&
    'walguard/require-local' in object.metadata.annotations &&
    object.metadata.annotations['walguard/require-local'] != 'false')
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
One entry. Arguments: root; configuration: the kind it belongs to; name: without ".walguard.dev"; shape; failurePolicy;
namespaces: strict, other or all; requireLocal: yes, no, or nothing where it does not matter; path: where not /mutate or
/validate.
*/}}
{{- define "walguard.webhook" -}}
{{- $name := printf "%s.walguard.dev" .name }}
{{- $mutating := eq .configuration "MutatingWebhookConfiguration" }}
- name: {{ $name }}
  clientConfig:
    service:
      name: walguard
      namespace: {{ .root.Release.Namespace }}
      path: {{ .path | default ($mutating | ternary "/mutate" "/validate") }}
      port: 443
    {{- with include "walguard.caBundle" . }}
    caBundle: {{ . }}
    {{- end }}
  rules:
    {{- include "walguard.rules" .shape | trim | nindent 4 }}
  namespaceSelector:
    {{- include "walguard.namespaceSelector" . | nindent 4 }}
  {{- if include "walguard.hasMatchConditions" .root }}
  matchConditions:
    {{- include "walguard.matchConditions" . | trim | nindent 4 }}
  {{- end }}
  failurePolicy: {{ .failurePolicy }}
  timeoutSeconds: {{ .root.Values.webhooks.timeoutSeconds }}
  sideEffects: None
  matchPolicy: Equivalent
  {{- if $mutating }}
  reinvocationPolicy: IfNeeded
  {{- end }}
  admissionReviewVersions: [v1]
{{- end }}

{{/*
The caBundle that is in the cluster now. walguard writes it; a manifest without the field leaves it as it is. But an
entry that is new in this version of the chart would have none until walguard has seen it: it begins with its neighbours'.
Nothing where there is no cluster to look into, as with helm template.
*/}}
{{- define "walguard.caBundle" -}}
{{- $present := lookup "admissionregistration.k8s.io/v1" .configuration "" "walguard" }}
{{- range $present.webhooks | default list }}
{{- with .clientConfig.caBundle }}{{ . }}{{ break }}{{ end }}
{{- end }}
{{- end }}
