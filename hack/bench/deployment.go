package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// goSettings are the settings of Go's runtime that the operator's Deployment makes, as KEY=value.
func goSettings(root string) ([]string, error) {
	path := filepath.Join(root, "config", "manager", "deployment.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var deployment appsv1.Deployment
	if err := yaml.Unmarshal(content, &deployment); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var settings []string
	for _, container := range deployment.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if strings.HasPrefix(variable.Name, "GO") {
				settings = append(settings, variable.Name+"="+variable.Value)
			}
		}
	}
	if len(settings) == 0 {
		return nil, fmt.Errorf("%s has no settings of Go's runtime", path)
	}
	return settings, nil
}
