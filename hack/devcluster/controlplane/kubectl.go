package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// KubectlPath is the path of the kubectl that belongs to this control plane.
func (c *ControlPlane) KubectlPath() (string, error) { return binaryPath(c.root, kubectlBinary) }

// Kubectl runs kubectl as an administrator and returns what it printed. An error holds what kubectl complained of.
func (c *ControlPlane) Kubectl(ctx context.Context, arguments ...string) (string, error) {
	return c.kubectl(ctx, "", arguments)
}

// Apply applies manifests, given as YAML.
func (c *ControlPlane) Apply(ctx context.Context, manifests string) error {
	_, err := c.kubectl(ctx, manifests, []string{"apply", "-f", "-"})
	return err
}

// InstallAccess gives the operator its namespace, its ServiceAccount and its roles, and holds everybody to the policy, as
// on a cluster. The operator itself is the caller's to run.
func (c *ControlPlane) InstallAccess(ctx context.Context) error {
	for _, what := range [][2]string{{"-f", "config/default/namespace.yaml"}, {"-k", "config/rbac"}, {"-k", "config/policy"}} {
		if _, err := c.Kubectl(ctx, "apply", what[0], what[1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *ControlPlane) kubectl(ctx context.Context, input string, arguments []string) (string, error) {
	path, err := c.KubectlPath()
	if err != nil {
		return "", err
	}
	// A cache of its own, so that the user's is neither read nor written.
	own := []string{"--kubeconfig=" + c.Kubeconfig(), "--cache-dir=" + c.path(kubectlCacheFolder)}
	var output, complaint bytes.Buffer
	command := exec.CommandContext(ctx, path, append(own, arguments...)...)
	command.Dir = c.root
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &output, &complaint
	if err := command.Run(); err != nil {
		return output.String(), fmt.Errorf("kubectl %s: %w: %s", arguments[0], err, strings.TrimSpace(complaint.String()))
	}
	return output.String(), nil
}
