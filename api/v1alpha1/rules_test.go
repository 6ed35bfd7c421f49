package v1alpha1_test

import (
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
)

// The keywords of rules, as a schema has them.
const (
	keywordRequired      = "required"
	keywordEnum          = "enum"
	keywordPattern       = "pattern"
	keywordFormat        = "format"
	keywordMinimum       = "minimum"
	keywordMaximum       = "maximum"
	keywordMinLength     = "minLength"
	keywordMaxLength     = "maxLength"
	keywordMinItems      = "minItems"
	keywordMaxItems      = "maxItems"
	keywordMaxProperties = "maxProperties"
	keywordListType      = "x-kubernetes-list-type"
	keywordCEL           = "x-kubernetes-validations"
)

// rule is one validation of a CRD.
type rule struct {
	// path of the field that it is about.
	path string
	// keyword of the schema.
	keyword string
	// message of a rule in CEL, of which a field can have several.
	message string
}

func (r rule) String() string {
	if r.keyword == keywordCEL {
		return r.path + ": " + r.message
	}
	return r.path + " " + r.keyword
}

// rulesOf finds every rule of a CRD.
func rulesOf(t *testing.T, plural string) []rule {
	t.Helper()
	var found []rule
	walk(t, "", schemaOf(t, plural), func(path string, node *apiextensionsv1.JSONSchemaProps) {
		if keyword := unknownKeyword(node); keyword != "" {
			t.Errorf("%s: %s has the keyword %s, of which these tests know nothing", plural, path, keyword)
		}
		for _, name := range node.Required {
			found = append(found, rule{path: join(path, name), keyword: keywordRequired})
		}
		for keyword, there := range keywordsOf(node) {
			if there {
				found = append(found, rule{path: path, keyword: keyword})
			}
		}
		for _, validation := range node.XValidations {
			found = append(found, rule{path: path, keyword: keywordCEL, message: validation.Message})
		}
	})
	return found
}

func keywordsOf(node *apiextensionsv1.JSONSchemaProps) map[string]bool {
	return map[string]bool{
		keywordEnum:          node.Enum != nil,
		keywordPattern:       node.Pattern != "",
		keywordFormat:        node.Format != "",
		keywordMinimum:       node.Minimum != nil,
		keywordMaximum:       node.Maximum != nil,
		keywordMinLength:     node.MinLength != nil,
		keywordMaxLength:     node.MaxLength != nil,
		keywordMinItems:      node.MinItems != nil,
		keywordMaxItems:      node.MaxItems != nil,
		keywordMaxProperties: node.MaxProperties != nil,
		// An atomic list has no rule: its elements may be alike.
		keywordListType: ptr.Deref(node.XListType, "atomic") != "atomic",
	}
}

// unknownKeyword is a keyword that rulesOf would pass over in silence.
func unknownKeyword(node *apiextensionsv1.JSONSchemaProps) string {
	for keyword, there := range map[string]bool{
		"exclusiveMinimum": node.ExclusiveMinimum,
		"exclusiveMaximum": node.ExclusiveMaximum,
		"multipleOf":       node.MultipleOf != nil,
		"minProperties":    node.MinProperties != nil,
		"uniqueItems":      node.UniqueItems,
		"allOf":            node.AllOf != nil,
		"anyOf":            node.AnyOf != nil,
		"oneOf":            node.OneOf != nil,
		"not":              node.Not != nil,
	} {
		if there {
			return keyword
		}
	}
	return ""
}

// typeRule has its example in TestATypeCannotBeChanged, for which there must be another type.
var typeRule = rule{path: "spec.type", keyword: keywordCEL, message: "type cannot be changed; make a new AlertSource"}

func TestEveryRuleHasAnExampleAndEveryExampleARule(t *testing.T) {
	for plural, examples := range examplesOf {
		rules := rulesOf(t, plural)
		if len(rules) == 0 {
			t.Errorf("%s have no rules at all", plural)
		}
		for _, rule := range rules {
			if rule.keyword == keywordCEL && rule.message == "" {
				t.Errorf("%s: a rule of %q has no message", plural, rule.path)
			}
			isShown := slices.ContainsFunc(examples, func(e example) bool { return e.rule == rule })
			if !isShown && rule != typeRule {
				t.Errorf("%s: no example shows what this rule accepts and refuses: %s", plural, rule)
			}
		}
		for _, example := range examples {
			if !slices.Contains(rules, example.rule) {
				t.Errorf("%s: an example shows a rule that is not there: %s", plural, example.rule)
			}
		}
	}
}
