// webhook-match MANIFEST REQUESTS: which webhooks of the configurations in MANIFEST (YAML) the API server would call.
//
// REQUESTS holds one JSON object a line; for each the list of webhooks is written as one line of JSON.
// Rules, namespace selectors and match conditions are judged by the API server's own code, so that tests need no
// API server for that. A condition that fails is an error of the whole run.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/kubernetes/scheme"
)

type request struct {
	Namespace struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"namespace"`
	Operation string          `json:"operation"`
	Resource  string          `json:"resource"` // "pods", "deployments/scale"
	Group     string          `json:"group"`    // of the resource
	User      string          `json:"user"`
	Object    json.RawMessage `json:"object"`
	OldObject json.RawMessage `json:"oldObject"`
}

type call struct {
	Name          string `json:"name"`
	Path          string `json:"path"`
	FailurePolicy string `json:"failurePolicy"`
}

// Every object is read strictly: a field that the API does not know is an error here, where an API server only warns.
func readWebhooks(path string) ([]webhook.WebhookAccessor, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	strict := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		serializer.SerializerOptions{Yaml: true, Strict: true})
	var found []webhook.WebhookAccessor
	documents := yaml.NewYAMLReader(bufio.NewReader(file))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		object, kind, err := strict.Decode(document, nil, nil)
		if kind != nil && strings.Contains(kind.Group, ".") && runtime.IsNotRegisteredError(err) {
			continue // a resource definition, or an object of one
		}
		if err != nil {
			return nil, err
		}
		switch configuration := object.(type) {
		case *admissionregistration.MutatingWebhookConfiguration:
			for i := range configuration.Webhooks {
				found = append(found, webhook.NewMutatingWebhookAccessor("", configuration.Name, &configuration.Webhooks[i]))
			}
		case *admissionregistration.ValidatingWebhookConfiguration:
			for i := range configuration.Webhooks {
				found = append(found, webhook.NewValidatingWebhookAccessor("", configuration.Name, &configuration.Webhooks[i]))
			}
		}
	}
}

func decode(text json.RawMessage) (runtime.Object, schema.GroupVersionKind, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, schema.GroupVersionKind{}, nil
	}
	object, kind, err := scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return nil, schema.GroupVersionKind{}, err
	}
	return object, *kind, nil
}

func attributesOf(asked request) (*admission.VersionedAttributes, error) {
	object, kind, err := decode(asked.Object)
	if err != nil {
		return nil, err
	}
	oldObject, _, err := decode(asked.OldObject)
	if err != nil {
		return nil, err
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, err
	}
	resource, subresource, _ := strings.Cut(asked.Resource, "/")
	attributes := admission.NewAttributesRecord(object, oldObject, kind, asked.Namespace.Name, accessor.GetName(),
		schema.GroupVersionResource{Group: asked.Group, Version: "v1", Resource: resource}, subresource,
		admission.Operation(asked.Operation), nil, false, &user.DefaultInfo{Name: asked.User})
	return &admission.VersionedAttributes{Attributes: attributes, VersionedObject: object,
		VersionedOldObject: oldObject, VersionedKind: kind}, nil
}

// An error of a condition would be passed over in an entry that ignores failures: here each of them counts.
func matcherOf(compiler cel.ConditionCompiler, hook webhook.WebhookAccessor) matchconditions.Matcher {
	fail := admissionregistration.Fail
	var expressions []cel.ExpressionAccessor
	for _, condition := range hook.GetMatchConditions() {
		expressions = append(expressions, &matchconditions.MatchCondition{Name: condition.Name, Expression: condition.Expression})
	}
	variables := cel.OptionalVariableDeclarations{HasAuthorizer: true, StrictCost: true}
	compiled := compiler.CompileCondition(expressions, variables, environment.NewExpressions)
	return matchconditions.NewMatcher(compiled, &fail, "webhook", hook.GetType(), hook.GetName())
}

func calls(compiler cel.ConditionCompiler, webhooks []webhook.WebhookAccessor, asked request) ([]call, error) {
	attributes, err := attributesOf(asked)
	if err != nil {
		return nil, err
	}
	found := []call{}
	for _, hook := range webhooks {
		selector, err := hook.GetParsedNamespaceSelector()
		if err != nil {
			return nil, err
		}
		if !selector.Matches(labels.Set(asked.Namespace.Labels)) {
			continue
		}
		ruled := false
		for _, rule := range hook.GetRules() {
			matcher := rules.Matcher{Rule: rule, Attr: attributes}
			ruled = ruled || matcher.Matches()
		}
		if !ruled {
			continue
		}
		result := matcherOf(compiler, hook).Match(context.Background(), attributes, nil, nil)
		if result.Error != nil {
			return nil, fmt.Errorf("%s: %w", hook.GetName(), result.Error)
		}
		if result.Matches {
			found = append(found, call{Name: hook.GetName(), Path: *hook.GetClientConfig().Service.Path,
				FailurePolicy: string(*hook.GetFailurePolicy())})
		}
	}
	return found, nil
}

func run(manifest, requests string) error {
	webhooks, err := readWebhooks(manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", manifest, err)
	}
	// The language as the oldest API server with matchConditions knows it.
	compiler := cel.NewConditionCompiler(environment.MustBaseEnvSet(version.MajorMinor(1, 28), true))
	file, err := os.Open(requests)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		found, err := calls(compiler, webhooks, asked)
		if err != nil {
			return err
		}
		text, err := json.Marshal(found)
		if err != nil {
			return err
		}
		fmt.Println(string(text))
	}
	return lines.Err()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "Usage: webhook-match MANIFEST REQUESTS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "webhook-match:", err)
		os.Exit(1)
	}
}
